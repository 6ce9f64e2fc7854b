package routing

import (
	"cmp"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// tombstoneKey is what a tombstone stands for: of one object, one is kept for
// an endpoint of the same protocol, host, port and timeout.
type tombstoneKey struct {
	object    string
	transport naming.Transport
	host      string
	port      int32
	timeout   int32
}

func keyOf(r *row) tombstoneKey {
	return tombstoneKey{object: r.object, transport: r.Transport, host: r.Host, port: r.Port, timeout: r.Timeout}
}

// tombstone is an endpoint that was handed out lately and is gone (R25).
type tombstone struct {
	row    *row
	source naming.Tombstone
	since  time.Duration // when its endpoint was removed, by the table's clock
	until  time.Duration
}

// newTombstone makes one, nil where there is nothing to keep: the time is over,
// the endpoint cannot be read, or it was never handed out.
func (t *Table) newTombstone(source naming.Tombstone) *tombstone {
	now := t.options.Now()
	since := now - time.Duration(max(source.AgeMS, 0))*time.Millisecond
	until := since + t.options.Tombstone
	if until <= now || source.Server.BakFlag == standby {
		return nil
	}
	endpoint, err := parseRowEndpoint(source.Adapter.Endpoint)
	if err != nil {
		return nil
	}
	// The set id of a removed instance was reported while it was there.
	owner, _ := newOwner(source.Key, &source.Server, false)
	return &tombstone{
		row:    &row{Endpoint: endpoint, object: source.Adapter.Servant, adapter: source.Adapter.Name, owner: owner},
		source: source,
		since:  since,
		until:  until,
	}
}

// bury puts a tombstone into the inactive lists of its object, unless an
// endpoint like it is there.
func (c *change) bury(source naming.Tombstone) {
	stone := c.table.newTombstone(source)
	if stone == nil {
		return
	}
	key := keyOf(stone.row)
	if before := c.table.tombstones[key]; before != nil {
		if before.source.ID >= source.ID {
			return // seen already, or older than what is there
		}
		c.exhume(before)
	}
	touched := c.object(stone.row.object)
	if touched.has(stone.row) {
		return
	}
	if !c.table.room() {
		return
	}
	c.table.tombstones[key] = stone
	c.table.nextEnd = min(c.table.nextEnd, stone.until)
	touched.buried = append(touched.buried, stone.row)
	c.next.buried++
}

// exhume takes a tombstone away.
func (c *change) exhume(stone *tombstone) {
	touched := c.object(stone.row.object)
	// It may have been made by this very change.
	if i := slices.Index(touched.buried, stone.row); i >= 0 {
		touched.buried = slices.Delete(touched.buried, i, i+1)
	} else {
		touched.exhumed = append(touched.exhumed, stone.row)
	}
	delete(c.table.tombstones, keyOf(stone.row))
	c.next.buried--
}

// room says whether one more tombstone may be kept, and logs once when not.
func (t *Table) room() bool {
	full := len(t.tombstones) >= t.options.MaxTombstones
	if full && !t.crowded {
		t.options.Logger.Warn("too many endpoints were removed at once: further ones leave the inactive lists immediately",
			"limit", t.options.MaxTombstones)
	}
	t.crowded = full
	return !full
}

func (t *Table) earliestEnd(now time.Duration) time.Duration {
	end := now + t.options.Tombstone
	for _, stone := range t.tombstones {
		end = min(end, stone.until)
	}
	return end
}

// unexpired gives the tombstones with their ages, in order of their ids.
func (t *Table) unexpired() []naming.Tombstone {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.options.Now()
	list := make([]naming.Tombstone, 0, len(t.tombstones))
	for _, stone := range t.tombstones {
		source := stone.source
		source.AgeMS = (now - stone.since).Milliseconds()
		list = append(list, source)
	}
	slices.SortFunc(list, func(a, b naming.Tombstone) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
