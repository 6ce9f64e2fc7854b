package routing

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// wildcard is the group of a set that stands for all groups of an area.
const wildcard = "*"

// entry is a row as it stands in lists under certain groups.
type entry struct {
	*row
	real int32 // grouprealid
}

// work is groupworkid: the group that the row is chosen by.
func (e entry) work() int32 {
	if e.owner.enableGroup {
		return e.real
	}
	return noGroup
}

// view is an object prepared for look-ups: everything that does not depend on
// who asks is computed once.
type view struct {
	groups     *groups
	entries    []entry // in the order of lists, without standby rows
	tombstones []entry
	all        *lists

	byGroup   cache[int32]     // the choice of InSameGroup by the caller's group
	bySteps   cache[groupStep] // the lists of InSameGroup, shared by groups that get the same
	byStation cache[int]       // by index of the priority row
	sets      *sets            // nil: nobody is in a set

	bodies budgetShare
}

// sets are the lists of InSameSet.
type sets struct {
	names map[string]bool   // set names that somebody is in
	exact map[string]*lists // by what clients ask: name.area.group, or name.area.* for the whole area
	wild  map[string]*lists // members of group *, by name.area
}

func newView(o *object, g *groups, b *budget) *view {
	v := &view{groups: g, bodies: budgetShare{budget: b}}
	v.entries = entriesOf(o.rows, g)
	v.tombstones = entriesOf(o.tombstones, g)
	v.all = v.choose(func(entry) bool { return true })
	v.sets = v.newSets()
	return v
}

func entriesOf(rows []*row, g *groups) []entry {
	entries := make([]entry, 0, len(rows))
	for _, r := range rows {
		if r.owner.bak != standby {
			entries = append(entries, entry{row: r, real: g.real(r)})
		}
	}
	return entries
}

// choose makes the lists of the entries that match. Tombstones are appended
// where they would have matched (R25).
func (v *view) choose(match func(entry) bool) *lists {
	l := &lists{share: &v.bodies}
	for _, e := range v.entries {
		if match(e) {
			l.add(e)
		}
	}
	for _, e := range v.tombstones {
		if match(e) {
			l.inactive = append(l.inactive, e)
		}
	}
	return l
}

func (v *view) newSets() *sets {
	s := &sets{names: make(map[string]bool), exact: make(map[string]*lists), wild: make(map[string]*lists)}
	list := func(of map[string]*lists, key string) *lists {
		l := of[key]
		if l == nil {
			l = &lists{share: &v.bodies}
			of[key] = l
		}
		return l
	}
	for _, e := range v.entries {
		if !e.owner.inSet {
			continue
		}
		name, area, group := e.owner.area()
		s.names[name] = true
		list(s.exact, area+"."+wildcard).add(e)
		if group == wildcard {
			list(s.wild, area).add(e)
		} else {
			list(s.exact, e.owner.setID).add(e)
		}
	}
	if len(s.names) == 0 {
		return nil
	}
	s.bury(v.tombstones)
	return s
}

// bury appends tombstones to the lists that there are.
func (s *sets) bury(tombstones []entry) {
	for _, e := range tombstones {
		if !e.owner.inSet {
			continue
		}
		_, area, group := e.owner.area()
		matching := []*lists{s.exact[area+"."+wildcard], s.wild[area]}
		if group != wildcard {
			matching[1] = s.exact[e.owner.setID]
		}
		for _, l := range matching {
			if l != nil {
				l.inactive = append(l.inactive, e)
			}
		}
	}
}

// inSet finds the lists of name.area.group; whole is the three of them joined.
// Without a set of that name ok is false; nil lists mean that nobody is there.
func (v *view) inSet(id setQuery) (l *lists, ok bool) {
	if v.sets == nil || !v.sets.names[id.name] {
		return nil, false
	}
	if l := v.sets.exact[id.whole]; l != nil || id.group == wildcard {
		return l, true
	}
	return v.sets.wild[id.area], true
}

// inGroup gives the lists for a caller of this group.
func (v *view) inGroup(group int32) *lists {
	if group == noGroup {
		return v.all
	}
	return v.byGroup.get(group, func() *lists {
		step := v.groupStep(group)
		return v.bySteps.get(step, func() *lists { return v.ofStep(step) })
	})
}

// inStation gives the lists of a priority row, by grouprealid.
func (v *view) inStation(index int) *lists {
	return v.byStation.get(index, func() *lists {
		p := &v.groups.priorities[index]
		return v.choose(func(e entry) bool { return p.holds(e.real) })
	})
}

// groupStep is the step of InSameGroup that both lists come from.
type groupStep struct {
	kind stepKind
	at   int32 // the group, or the index of the priority row
}

type stepKind int8

const (
	stepAll stepKind = iota
	stepGroup
	stepPriority
	stepUngrouped
)

// groupStep finds the first step with somebody active: the caller's group, the
// priority rows that hold it, those in no group; and all where there is none.
func (v *view) groupStep(group int32) groupStep {
	if group == noGroup {
		return groupStep{}
	}
	active := make(map[int32]bool)
	for _, e := range v.entries {
		if e.owner.serving {
			active[e.work()] = true
		}
	}
	if active[group] {
		return groupStep{stepGroup, group}
	}
	for i := range v.groups.priorities {
		p := &v.groups.priorities[i]
		if p.holds(group) && slices.ContainsFunc(p.groups, func(g int32) bool { return active[g] }) {
			return groupStep{stepPriority, int32(i)}
		}
	}
	if active[noGroup] {
		return groupStep{stepUngrouped, 0}
	}
	return groupStep{}
}

// ofStep makes the lists of a step, by groupworkid.
func (v *view) ofStep(step groupStep) *lists {
	switch step.kind {
	case stepGroup:
		return v.choose(func(e entry) bool { return e.work() == step.at })
	case stepPriority:
		p := &v.groups.priorities[step.at]
		return v.choose(func(e entry) bool { return p.holds(e.work()) })
	case stepUngrouped:
		return v.choose(func(e entry) bool { return e.work() == noGroup })
	default:
		return v.all
	}
}

// retire gives back what encoded bodies hold of the budget.
func (v *view) retire() { v.bodies.retire() }

// cache keeps lists by a key. Its keys are from bounded sets (groups and
// priority rows), never what a caller sends. Reads take no lock.
type cache[K comparable] struct {
	mu sync.Mutex
	m  atomic.Pointer[map[K]*lists]
}

func (c *cache[K]) get(key K, compute func() *lists) *lists {
	if m := c.m.Load(); m != nil {
		if l := (*m)[key]; l != nil {
			return l
		}
	}
	return c.add(key, compute)
}

func (c *cache[K]) add(key K, compute func() *lists) *lists {
	c.mu.Lock()
	defer c.mu.Unlock()
	var grown map[K]*lists
	if m := c.m.Load(); m != nil {
		if l := (*m)[key]; l != nil {
			return l
		}
		grown = maps.Clone(*m)
	} else {
		grown = make(map[K]*lists, 1)
	}
	l := compute()
	grown[key] = l
	c.m.Store(&grown)
	return l
}
