package routing

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// item is an element whose hash collides as often as a test likes.
type item struct {
	key   int
	hash  uint64
	value int
}

func (i *item) mapKey() int     { return i.key }
func (i *item) keyHash() uint64 { return i.hash }

// TestPersistent compares with Go's map, and holds every map that was ever made
// to what it was then.
func TestPersistent(t *testing.T) {
	for name, hash := range map[string]func(int) uint64{
		"spread":    func(key int) uint64 { return uint64(key) * 0x9e3779b97f4a7c15 },
		"one leaf":  func(key int) uint64 { return uint64(key) },
		"all equal": func(int) uint64 { return 1 << 60 },
	} {
		t.Run(name, func(t *testing.T) {
			var m persistent[int, *item]
			model := make(map[int]int)
			var made []persistent[int, *item]
			var models []map[int]int
			for range 60 {
				e := m.edit()
				if rand.IntN(2) == 0 { // room for some that come, and some that do not
					var expected []*item
					for range rand.IntN(20) {
						key := rand.IntN(50)
						expected = append(expected, &item{key: key, hash: hash(key)})
					}
					e.expect(expected)
				}
				for range rand.IntN(20) {
					key := rand.IntN(50)
					_, known := model[key]
					if rand.IntN(3) == 0 {
						if before, ok := e.remove(key, hash(key)); ok != known || (ok && before.value != model[key]) {
							t.Fatalf("remove %d: %v, %v", key, before, ok)
						}
						delete(model, key)
						continue
					}
					value := rand.Int()
					if before, ok := e.set(&item{key, hash(key), value}); ok != known || (ok && before.value != model[key]) {
						t.Fatalf("set %d: %v, %v", key, before, ok)
					}
					model[key] = value
				}
				m = e.persistent
				made, models = append(made, m), append(models, maps.Clone(model))
			}
			for i, m := range made {
				got := make(map[int]int)
				for element := range m.all() {
					got[element.key] = element.value
				}
				if !maps.Equal(got, models[i]) || m.size != len(models[i]) {
					t.Fatalf("map %d: %v, want %v", i, got, models[i])
				}
				for key := range 50 {
					element, ok := m.get(key, hash(key))
					if value, known := models[i][key]; ok != known || (ok && element.value != value) {
						t.Fatalf("map %d: get %d: %v, %v", i, key, element, ok)
					}
				}
			}
		})
	}
}
