package routing

import "iter"

// A persistent map keeps its elements in a tree of fixed shape: three tables of
// pointers above short leaves. At 100,000 elements a leaf has six. A change
// copies one leaf and the tables above it, a kilobyte in all.
const (
	limbs    = 32
	branches = 32
	leaves   = 16
)

type (
	leaf[V any] []twig[V]
	twig[V any] struct {
		hash    uint64 // so that elements which are not meant are not touched
		element V
	}
	branch[V any] struct {
		owner  *token
		leaves [leaves]leaf[V]
	}
	limb[V any] struct {
		owner    *token
		branches [branches]*branch[V]
	}
	trunk[V any] [limbs]*limb[V]
)

// token tells the tables that an edit has copied already from those it shares.
type token struct{ _ byte }

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

// position is where an element with this hash is.
func position(hash uint64) (limb, branch, leaf int) {
	return int(hash>>59) % limbs, int(hash>>54) % branches, int(hash>>50) % leaves
}

func (m persistent[K, V]) leafOf(hash uint64) leaf[V] {
	i, j, k := position(hash)
	if m.root == nil || m.root[i] == nil || m.root[i].branches[j] == nil {
		return nil
	}
	return m.root[i].branches[j].leaves[k]
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
		for l := range m.allLeaves() {
			for n := range l {
				if !yield(l[n].element) {
					return
				}
			}
		}
	}
}

func (m persistent[K, V]) allLeaves() iter.Seq[leaf[V]] {
	return func(yield func(leaf[V]) bool) {
		if m.root == nil {
			return
		}
		for _, l := range m.root {
			if l == nil {
				continue
			}
			for _, b := range l.branches {
				if b == nil {
					continue
				}
				for _, l := range b.leaves {
					if !yield(l) {
						return
					}
				}
			}
		}
	}
}

// edit makes a new map out of one. The tables it shares with the old one are
// copied the first time they are touched, leaves every time.
type edit[K comparable, V keyed[K]] struct {
	persistent[K, V]
	owner *token
}

func (m persistent[K, V]) edit() *edit[K, V] { return &edit[K, V]{persistent: m} }

// own gives the leaf of a hash in tables that belong to this edit.
func (e *edit[K, V]) own(hash uint64) *leaf[V] {
	if e.owner == nil {
		e.owner = new(token)
		e.root = copied(e.root)
	}
	i, j, k := position(hash)
	l := e.root[i]
	if l == nil || l.owner != e.owner {
		l = copied(l)
		l.owner = e.owner
		e.root[i] = l
	}
	b := l.branches[j]
	if b == nil || b.owner != e.owner {
		b = copied(b)
		b.owner = e.owner
		l.branches[j] = b
	}
	return &b.leaves[k]
}

// copied is a copy of what is there, or new.
func copied[T any](from *T) *T {
	to := new(T)
	if from != nil {
		*to = *from
	}
	return to
}

// expect makes room for elements that will be added, so that leaves need not grow
// one by one. What has room beyond its length belongs to this edit.
func (e *edit[K, V]) expect(elements []V) {
	var counts [limbs][branches][leaves]int32
	for _, element := range elements {
		i, j, k := position(element.keyHash())
		counts[i][j][k]++
	}
	for _, element := range elements {
		hash := element.keyHash()
		i, j, k := position(hash)
		if n := int(counts[i][j][k]); n > 0 {
			l := e.own(hash)
			*l = append(make(leaf[V], 0, len(*l)+n), *l...)
			counts[i][j][k] = 0
		}
	}
}

// set adds an element, or replaces the one with its key, which it gives back.
func (e *edit[K, V]) set(element V) (before V, replaced bool) {
	hash := element.keyHash()
	l := e.own(hash)
	n := find(*l, element.mapKey(), hash)
	if replaced = n >= 0; !replaced {
		n = len(*l)
		e.size++
		if cap(*l) > n {
			*l = append(*l, twig[V]{hash, element})
			return before, false
		}
	}
	changed := make(leaf[V], max(len(*l), n+1))
	copy(changed, *l)
	before = changed[n].element
	changed[n] = twig[V]{hash, element}
	*l = changed
	return before, replaced
}

// remove takes the element with a key away and gives it back, where there is
// one.
func (e *edit[K, V]) remove(key K, hash uint64) (before V, removed bool) {
	l := e.leafOf(hash)
	n := find(l, key, hash)
	if n < 0 {
		return before, false
	}
	changed := make(leaf[V], 0, len(l)-1)
	*e.own(hash) = append(append(changed, l[:n]...), l[n+1:]...)
	e.size--
	return l[n].element, true
}
