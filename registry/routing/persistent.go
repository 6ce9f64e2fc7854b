package routing

import "iter"

// A persistent map keeps its elements in a tree of fixed shape, two tables of
// pointers above short leaves. At 100,000 elements a leaf has six: a change
// copies one leaf and the two tables above it, some 4 kB.
const (
	branches = 256
	leaves   = 64
)

type (
	leaf[V any]   []V
	branch[V any] [leaves]leaf[V]
	trunk[V any]  [branches]*branch[V]
)

// keyed is an element of a persistent map: it knows its key and the key's hash.
type keyed[K comparable] interface {
	mapKey() K
	keyHash() uint64
}

// persistent is an immutable map of elements that know their keys. The zero
// value is an empty map.
type persistent[K comparable, V keyed[K]] struct {
	root *trunk[V]
	size int
}

func position(hash uint64) (int, int) { return int(hash >> 56), int(hash>>50) % leaves }

// leafOf is where an element with this hash would be.
func (m persistent[K, V]) leafOf(hash uint64) leaf[V] {
	if m.root == nil {
		return nil
	}
	i, j := position(hash)
	if m.root[i] == nil {
		return nil
	}
	return m.root[i][j]
}

func (m persistent[K, V]) get(key K, hash uint64) (V, bool) {
	for _, element := range m.leafOf(hash) {
		if element.mapKey() == key {
			return element, true
		}
	}
	var none V
	return none, false
}

// all goes through the elements in no order.
func (m persistent[K, V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		if m.root == nil {
			return
		}
		for _, b := range m.root {
			if b == nil {
				continue
			}
			for _, l := range b {
				for _, element := range l {
					if !yield(element) {
						return
					}
				}
			}
		}
	}
}

// edit makes a new map out of one: what it shares with the old one is copied
// the first time it is touched.
type edit[K comparable, V keyed[K]] struct {
	persistent[K, V]
	owned [branches]*[leaves]bool
}

func (m persistent[K, V]) edit() *edit[K, V] {
	e := &edit[K, V]{persistent: m}
	if m.root != nil {
		root := *m.root
		e.root = &root
	} else {
		e.root = new(trunk[V])
	}
	return e
}

// own makes the leaf at i, j writable, with room for one more.
func (e *edit[K, V]) own(i, j int) *leaf[V] {
	if e.owned[i] == nil {
		e.owned[i] = new([leaves]bool)
		b := new(branch[V])
		if e.root[i] != nil {
			*b = *e.root[i]
		}
		e.root[i] = b
	}
	l := &e.root[i][j]
	if !e.owned[i][j] {
		e.owned[i][j] = true
		copied := make(leaf[V], len(*l), len(*l)+1)
		copy(copied, *l)
		*l = copied
	}
	return l
}

// set adds an element, or replaces the one with its key.
func (e *edit[K, V]) set(element V) {
	l := e.own(position(element.keyHash()))
	key := element.mapKey()
	for n := range *l {
		if (*l)[n].mapKey() == key {
			(*l)[n] = element
			return
		}
	}
	*l = append(*l, element)
	e.size++
}

// remove takes the element with a key away, where there is one.
func (e *edit[K, V]) remove(key K, hash uint64) {
	if _, found := e.get(key, hash); !found {
		return
	}
	l := e.own(position(hash))
	for n := range *l {
		if (*l)[n].mapKey() == key {
			last := len(*l) - 1
			(*l)[n] = (*l)[last]
			clear((*l)[last:])
			*l = (*l)[:last]
			e.size--
			return
		}
	}
}
