package routing

import (
	"hash/maphash"
	"slices"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// change is the making of the next picture out of one.
type change struct {
	next      Picture
	table     *Table
	instances *edit[naming.Key, *record]
	objects   *edit[string, *object]
	touched   map[string]*objectChange
	bad       []BadRow // that were not there before
	all       bool     // everything may be different for clients
	dirty     bool     // something is, if only for operators
}

// objectChange is what happens to one object.
type objectChange struct {
	object         *object // as it was; without rows where it is new
	removed, added []*row
	exhumed        []*row
	buried         []*row
}

func (t *Table) begin(from *Picture) *change {
	return &change{
		next:      *from,
		table:     t,
		instances: from.instances.edit(),
		objects:   from.objects.edit(),
		touched:   make(map[string]*objectChange),
	}
}

// object gives the change of an object, beginning it where there is none.
func (c *change) object(name string) *objectChange {
	if touched := c.touched[name]; touched != nil {
		return touched
	}
	hash := maphash.String(c.next.seed, name)
	o, found := c.objects.get(name, hash)
	if !found {
		o = &object{name: name, hash: hash}
	}
	touched := &objectChange{object: o}
	c.touched[name] = touched
	return touched
}

func (o *objectChange) empty() bool {
	return len(o.removed)+len(o.added)+len(o.exhumed)+len(o.buried) == 0
}

// has says that there will be a row with the same endpoint.
func (o *objectChange) has(like *row) bool {
	same := func(r *row) bool { return compareEndpoints(&r.Endpoint, &like.Endpoint) == 0 }
	if slices.ContainsFunc(o.added, same) {
		return true
	}
	first, _ := slices.BinarySearchFunc(o.object.rows, like, func(r, like *row) int {
		return compareEndpoints(&r.Endpoint, &like.Endpoint)
	})
	for _, r := range o.object.rows[first:] {
		if !same(r) {
			return false
		}
		if !slices.Contains(o.removed, r) {
			return true
		}
	}
	return false
}

func (c *change) addRow(r *row) {
	touched := c.object(r.object)
	touched.added = append(touched.added, r)
	c.next.endpoints++
	if len(c.table.tombstones) == 0 {
		return
	}
	if stone := c.table.tombstones[keyOf(r)]; stone != nil {
		c.exhume(stone)
	}
}

func (c *change) removeRow(r *row) {
	touched := c.object(r.object)
	c.next.endpoints--
	// It may have been added by this very change.
	if i := slices.Index(touched.added, r); i >= 0 {
		touched.added = slices.Delete(touched.added, i, i+1)
		return
	}
	touched.removed = append(touched.removed, r)
}

// put takes over the new state of an instance.
func (c *change) put(instance *naming.Instance) {
	key := instance.Key.Fold()
	if instance.Server == nil {
		if before, known := c.instances.remove(key, maphash.Comparable(c.next.seed, key)); known {
			c.dirty = true
			c.exchange(before, &record{})
		}
		return
	}
	c.putRecord(newRecord(instance, key, c.next.seed))
}

func (c *change) putRecord(after *record) {
	c.dirty = true
	before, known := c.instances.set(after)
	if !known {
		before = &record{}
	}
	c.exchange(before, after)
}

// exchange puts the rows of one record in place of those of another.
func (c *change) exchange(before, after *record) {
	c.noteBad(before.bad, after.bad)
	if after.keep(before) {
		return
	}
	for _, r := range before.rows {
		c.removeRow(r)
	}
	for _, r := range after.rows {
		c.addRow(r)
	}
}

// noteBad counts bad rows and remembers the new ones for the log.
func (c *change) noteBad(before, after []BadRow) {
	c.next.bad += len(after) - len(before)
	for _, b := range after {
		if !slices.Contains(before, b) {
			c.bad = append(c.bad, b)
		}
	}
}

// setRegistries takes over the rows of t_registry_info.
func (c *change) setRegistries(entries []naming.RegistryEntry) {
	if slices.EqualFunc(entries, c.next.entries, sameEntry) {
		return
	}
	rows := make([]*row, 0, len(entries))
	var bad []BadRow
	for _, entry := range entries {
		r, unreadable := newRegistryRow(entry)
		if unreadable != nil {
			bad = append(bad, *unreadable)
			continue
		}
		rows = append(rows, r)
	}
	for _, b := range bad {
		if !slices.Contains(c.next.badEntry, b) {
			c.bad = append(c.bad, b)
		}
	}
	c.next.badEntry, c.next.entries, c.dirty = bad, entries, true
	slices.SortFunc(rows, compareRegistryRows)
	if sameRows(rows, c.next.registry) {
		return
	}
	for _, r := range c.next.registry {
		c.removeRow(r)
	}
	for _, r := range rows {
		c.addRow(r)
	}
	c.next.registry = rows
}

// sameEntry compares all but the time of the heartbeat, which look-ups do not
// depend on: a replica that beats is no change.
func sameEntry(a, b naming.RegistryEntry) bool {
	a.Heartbeat, b.Heartbeat = "", ""
	return a == b
}

// publish makes the change the current picture, and tells who watches.
func (c *change) publish() {
	var names []string
	var replaced []*object
	for name, touched := range c.touched {
		if touched.empty() {
			continue
		}
		names = append(names, name)
		replaced = append(replaced, touched.object)
		c.putObject(touched)
	}
	if !c.dirty && !c.all && len(names) == 0 {
		return
	}
	c.next.version++
	c.next.instances, c.next.objects = c.instances.persistent, c.objects.persistent
	c.table.current.Store(&c.next)
	for _, o := range replaced {
		o.retire()
	}
	c.table.logBad(c.bad)
	if c.all {
		names = nil
	} else if len(names) == 0 {
		return
	}
	for w := range c.table.watchers {
		w.notify(Change{All: c.all, Objects: names})
	}
}

// putObject puts the object as it is after the change into the next picture.
func (c *change) putObject(touched *objectChange) {
	before := touched.object
	after := &object{name: before.name, hash: before.hash, rows: before.rows, tombstones: before.tombstones}
	if len(touched.removed)+len(touched.added) > 0 {
		after.rows = merge(before.rows, touched.removed, touched.added)
	}
	if len(touched.exhumed)+len(touched.buried) > 0 {
		after.tombstones = merge(before.tombstones, touched.exhumed, touched.buried)
	}
	if len(after.rows)+len(after.tombstones) == 0 {
		c.objects.remove(after.name, after.hash)
		return
	}
	c.objects.set(after)
}

// logBad tells of rows that became bad, a bounded number at a time.
func (t *Table) logBad(rows []BadRow) {
	const limit = 20
	for i, b := range rows {
		if i == limit {
			t.options.Logger.Warn("more rows that cannot be used", "count", len(rows)-limit)
			return
		}
		t.options.Logger.Warn("row cannot be used", "instance", b.Key.String(), "adapter", b.Adapter,
			"servant", b.Servant, "value", b.Value, "reason", b.Reason)
	}
}
