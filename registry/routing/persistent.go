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
	twig[V any] struct {
		hash    uint64 // so that elements which are not meant are not touched
		element V
	}
	leaf[V any]   []twig[V]
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

// find is the index of the element with a key, -1 where there is none.
func find[K comparable, V keyed[K]](l leaf[V], key K, hash uint64) int {
	for n := range l {
		if l[n].hash == hash && l[n].element.mapKey() == key {
			return n
		}
	}
	return -1
}

func (m persistent[K, V]) get(key K, hash uint64) (V, bool) {
	l := m.leafOf(hash)
	if n := find(l, key, hash); n >= 0 {
		return l[n].element, true
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
				for _, t := range l {
					if !yield(t.element) {
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

// set adds an element, or replaces the one with its key, which it gives back.
func (e *edit[K, V]) set(element V) (before V, replaced bool) {
	hash := element.keyHash()
	l := e.own(position(hash))
	if n := find(*l, element.mapKey(), hash); n >= 0 {
		before, (*l)[n].element = (*l)[n].element, element
		return before, true
	}
	*l = append(*l, twig[V]{hash, element})
	e.size++
	return before, false
}

// remove takes the element with a key away and gives it back, where there is
// one.
func (e *edit[K, V]) remove(key K, hash uint64) (before V, removed bool) {
	if find(e.leafOf(hash), key, hash) < 0 {
		return before, false
	}
	l := e.own(position(hash))
	n, last := find(*l, key, hash), len(*l)-1
	before = (*l)[n].element
	(*l)[n] = (*l)[last]
	clear((*l)[last:])
	*l = (*l)[:last]
	e.size--
	return before, true
}
