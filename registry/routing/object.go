package routing

import (
	"slices"
	"sync/atomic"
)

// object is a servant with its rows and tombstones. All but the prepared view
// is immutable.
type object struct {
	name       string
	hash       uint64
	rows       []*row // in the order of lists
	tombstones []*row // likewise

	view    atomic.Pointer[view]
	retired atomic.Bool
}

func (o *object) mapKey() string  { return o.name }
func (o *object) keyHash() uint64 { return o.hash }

// prepared is the view of the object under these groups. Goroutines that find
// none make one each; the last one stays.
func (o *object) prepared(g *groups, b *budget) *view {
	if v := o.view.Load(); v != nil && v.groups == g {
		return v
	}
	v := newView(o, g, b)
	if before := o.view.Swap(v); before != nil {
		before.retire()
	}
	if o.retired.Load() {
		v.retire()
	}
	return v
}

// retire gives back what the object holds of the budget: a newer one has
// taken its place.
func (o *object) retire() {
	o.retired.Store(true)
	if v := o.view.Load(); v != nil {
		v.retire()
	}
}

// nodes are the distinct nodes of all rows, sorted.
func (o *object) nodes() []string {
	nodes := make([]string, 0, len(o.rows))
	for _, r := range o.rows {
		nodes = append(nodes, r.owner.key.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// merge makes the rows of an object after a change. Rows are sorted already;
// removed and added are put in order here.
func merge(rows, removed, added []*row) []*row {
	slices.SortFunc(removed, compareRows)
	slices.SortFunc(added, compareRows)
	merged := make([]*row, 0, max(len(rows)+len(added)-len(removed), 0))
	for _, r := range rows {
		for len(removed) > 0 && compareRows(removed[0], r) < 0 {
			removed = removed[1:]
		}
		if stands(r, removed) {
			continue
		}
		for len(added) > 0 && compareRows(added[0], r) < 0 {
			merged = append(merged, added[0])
			added = added[1:]
		}
		merged = append(merged, r)
	}
	return append(merged, added...)
}

// stands says that r itself is among the rows at the front that compare equal.
func stands(r *row, sorted []*row) bool {
	for _, s := range sorted {
		if s == r {
			return true
		}
		if compareRows(s, r) != 0 {
			return false
		}
	}
	return false
}
