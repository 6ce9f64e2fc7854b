package sweep

import (
	"cmp"
	"slices"

	"github.com/tarsregistry/tarsregistry/store"
)

// drain picks whom to let go now that health is proven: of each object one in
// ten of its instances, its last active endpoint in a sweep after all others.
func (g *guard) drain(v *view, ready []store.LeaseAge) []store.LeaseAge {
	size, overdue, serving := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, d := range g.lately {
		if d.kept {
			size[objectOf(d.key)]++
		}
	}
	for _, lease := range v.Overdue {
		size[objectOf(lease.Key)]++
		overdue[objectOf(lease.Key)]++
	}
	for lease := range v.others() {
		size[objectOf(lease.Key)]++
		serving[objectOf(lease.Key)] = serving[objectOf(lease.Key)] || g.serving(lease)
	}
	var expire []store.LeaseAge
	byObject := map[string][]store.LeaseAge{}
	for _, lease := range ready {
		if !g.episode.covers(lease) {
			expire = append(expire, lease)
			continue
		}
		byObject[objectOf(lease.Key)] = append(byObject[objectOf(lease.Key)], lease)
	}
	for object, list := range byObject {
		g.sortForDrain(list)
		pick := list[:min(len(list), max(1, size[object]/drainShare))]
		if len(pick) == len(list) && overdue[object] > 1 && !serving[object] {
			pick = pick[:len(pick)-1]
		}
		expire = append(expire, pick...)
	}
	return expire
}

// sortForDrain puts first who serves nobody, then who has been silent longest.
func (g *guard) sortForDrain(list []store.LeaseAge) {
	rank := make(map[int64]int, len(list))
	for _, lease := range list {
		if g.serving(lease) {
			rank[lease.ID] = 1
		}
	}
	slices.SortFunc(list, func(a, b store.LeaseAge) int {
		return cmp.Or(cmp.Compare(rank[a.ID], rank[b.ID]), cmp.Compare(b.Age, a.Age), cmp.Compare(a.ID, b.ID))
	})
}
