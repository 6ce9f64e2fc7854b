package routing

import (
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Picture is who is where at one moment. It is immutable and safe for any
// number of goroutines; look-ups read nothing but memory and keep none of
// their arguments.
type Picture struct {
	version   uint64
	seed      maphash.Seed
	instances persistent[naming.Key, *record]
	objects   persistent[string, *object]
	groups    *groups
	entries   []naming.RegistryEntry
	registry  []*row
	buried    int // tombstones
	bad       int
	badEntry  []BadRow // of t_registry_info
	endpoints int

	bodies  *budget
	nobody  *lists // an answer with two empty lists
	refused *lists // the same with return value -1
}

// Answer is what a look-up gives. Its slices and bodies are shared: they must
// not be changed.
type Answer struct {
	lists *lists
	form  form
}

// Code is the return value of the call: 0, or -1 where the question cannot be
// answered (no such station, no such set).
func (a Answer) Code() int32 { return a.lists.code }

// Active and Inactive are the lists, made anew at every call.
func (a Answer) Active() []tars.EndpointF { return decoded(a.lists.active) }

// Inactive is the list of those that clients finish their calls with.
func (a Answer) Inactive() []tars.EndpointF { return decoded(a.lists.inactive) }

// Body is the encoded reply of the method that was asked: return value and out
// parameters. It must not be changed.
func (a Answer) Body() []byte { return a.lists.body(a.form) }

// Version grows with every publication of the table the picture is of.
func (p *Picture) Version() uint64 { return p.version }

// Stats are the sizes of a picture.
type Stats struct {
	Instances  int // with a server row
	Objects    int
	Endpoints  int // rows of objects, standby ones included
	Tombstones int
	BadRows    int
	BodyBytes  int64 // held by encoded replies
}

// Stats counts what is in the picture.
func (p *Picture) Stats() Stats {
	return Stats{
		Instances: p.instances.size, Objects: p.objects.size, Endpoints: p.endpoints,
		Tombstones: p.buried, BadRows: p.bad + len(p.badEntry), BodyBytes: p.bodies.used.Load(),
	}
}

func (p *Picture) object(id string) *object {
	o, _ := p.objects.get(id, maphash.String(p.seed, id))
	return o
}

func (p *Picture) view(id string) *view {
	if o := p.object(id); o != nil {
		return o.prepared(p.groups, p.bodies)
	}
	return nil
}

// ByID is findObjectById: the active endpoints, without grouping.
func (p *Picture) ByID(id string) Answer {
	answer := p.Any(id)
	answer.form = formActive
	return answer
}

// Any is findObjectById4Any: both lists, without grouping.
func (p *Picture) Any(id string) Answer {
	if v := p.view(id); v != nil {
		return Answer{v.all, formPair}
	}
	return Answer{p.nobody, formPair}
}

// InSameGroup is findObjectByIdInSameGroup, and findObjectById4All: both lists,
// chosen by the caller's IP group.
func (p *Picture) InSameGroup(id string, caller Caller) Answer {
	if v := p.view(id); v != nil {
		return Answer{v.inGroup(p.groups.ofCaller(caller)), formPair}
	}
	return Answer{p.nobody, formPair}
}

// InSameStation is findObjectByIdInSameStation: both lists, of the groups of a
// station. An unknown station gives code -1.
func (p *Picture) InSameStation(id, station string) Answer {
	index, ok := p.groups.stations[station]
	if !ok {
		return Answer{p.refused, formThird}
	}
	if v := p.view(id); v != nil {
		return Answer{v.inStation(index), formThird}
	}
	return Answer{p.nobody, formThird}
}

// InSameSet is findObjectByIdInSameSet: both lists, chosen by set, or by the
// caller's IP group where the object has nobody in a set of that name. A set id
// that is none, and a set with nobody in it, give code -1.
func (p *Picture) InSameSet(id, setID string, caller Caller) Answer {
	query, ok := parseSetQuery(setID)
	if !ok {
		return Answer{p.refused, formThird}
	}
	v := p.view(id)
	if v == nil {
		return Answer{p.nobody, formThird}
	}
	chosen, ok := v.inSet(query)
	switch {
	case !ok:
		return Answer{v.inGroup(p.groups.ofCaller(caller)), formThird}
	case chosen == nil:
		return Answer{p.refused, formThird}
	}
	return Answer{chosen, formThird}
}

// NodeNames is findObjectNodeName: the distinct nodes an object is deployed on,
// in any state, sorted. Nil for an unknown object.
func (p *Picture) NodeNames(id string) []string {
	if o := p.object(id); o != nil {
		return o.nodes()
	}
	return nil
}

// setQuery is a set id as clients ask for it, in its parts.
type setQuery struct {
	whole string // name.area.group
	area  string // name.area
	name  string
	group string
}

// parseSetQuery reads a set id: exactly three non-empty parts, name and area
// not "*". Empty parts, which dots at the ends make, are passed over. It only
// allocates where there are such.
func parseSetQuery(text string) (setQuery, bool) {
	if first := strings.IndexByte(text, '.'); first > 0 {
		last := strings.LastIndexByte(text, '.')
		if last > first+1 && last < len(text)-1 && strings.IndexByte(text[first+1:last], '.') < 0 {
			return settle(text, first, last)
		}
	}
	var parts [3]string
	n := 0
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '.' }) {
		if n == len(parts) {
			return setQuery{}, false
		}
		parts[n] = part
		n++
	}
	if n < len(parts) {
		return setQuery{}, false
	}
	return settle(strings.Join(parts[:], "."), len(parts[0]), len(parts[0])+1+len(parts[1]))
}

// settle cuts name.area.group at its dots.
func settle(whole string, first, last int) (setQuery, bool) {
	q := setQuery{whole: whole, area: whole[:last], name: whole[:first], group: whole[last+1:]}
	return q, q.name != wildcard && whole[first+1:last] != wildcard
}

// Instance finds an instance that has a server row. It must not be changed.
func (p *Picture) Instance(key naming.Key) (*naming.Instance, bool) {
	key = key.Fold()
	r, ok := p.instances.get(key, maphash.Comparable(p.seed, key))
	if !ok {
		return nil, false
	}
	return r.instance, true
}

// Instances goes through all instances that have a server row, in no order.
// They must not be changed.
func (p *Picture) Instances() iter.Seq[*naming.Instance] {
	return func(yield func(*naming.Instance) bool) {
		for r := range p.instances.all() {
			if !yield(r.instance) {
				return
			}
		}
	}
}

// Objects are the names of all objects with rows, sorted.
func (p *Picture) Objects() []string {
	names := make([]string, 0, p.objects.size)
	for o := range p.objects.all() {
		if len(o.rows) > 0 {
			names = append(names, o.name)
		}
	}
	slices.Sort(names)
	return names
}

// BadRows are the rows that look-ups pass over, or use only in part, sorted.
func (p *Picture) BadRows() []BadRow {
	if p.bad+len(p.badEntry) == 0 {
		return nil
	}
	rows := slices.Clone(p.badEntry)
	for r := range p.instances.all() {
		rows = append(rows, r.bad...)
	}
	slices.SortFunc(rows, func(a, b BadRow) int {
		return cmp.Or(a.Key.Compare(b.Key), strings.Compare(a.Adapter, b.Adapter))
	})
	return rows
}

// Contents is what a picture is made of, and what is kept on disk. Whoever
// holds it must not change what it points to.
type Contents struct {
	Instances  []*naming.Instance // those without a server row are passed over
	Rules      []naming.GroupRule
	Priorities []naming.GroupPriority
	Registries []naming.RegistryEntry
	Tombstones []naming.Tombstone
}
