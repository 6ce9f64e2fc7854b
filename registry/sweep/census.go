package sweep

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// Thresholds of R20.
const (
	maxPercent   = 30 // of those who were lately alive may go at once,
	maxInstances = 5  // and so many may always
	minOfObject  = 3  // an object of so many may not lose all
)

// objectOf names what an instance belongs to, as far as leases know: the server,
// whose instances all serve its objects.
func objectOf(key naming.Key) string {
	return naming.Fold(key.Application) + "." + naming.Fold(key.Server)
}

// census counts who was lately alive, and who of them would be gone.
type census struct {
	all     count
	objects map[string]*objectCount
	overdue map[int64]store.LeaseAge // counted and still live

	last    *objectCount // of lastKey: as a rule the next lease is of the same server
	lastKey naming.Key
}

type count struct{ alive, gone int }

type objectCount struct {
	count
	name    string // App.Server
	overdue int    // still live
}

func newCensus() *census {
	return &census{objects: map[string]*objectCount{}, overdue: map[int64]store.LeaseAge{}}
}

func (c *census) object(key naming.Key) *objectCount {
	if c.last != nil && key.Application == c.lastKey.Application && key.Server == c.lastKey.Server {
		return c.last
	}
	object := objectOf(key)
	o := c.objects[object]
	if o == nil {
		o = &objectCount{name: key.ServerName()}
		c.objects[object] = o
	}
	c.last, c.lastKey = o, key
	return o
}

// add counts a live lease, once.
func (c *census) add(lease store.LeaseAge) {
	o := c.object(lease.Key)
	o.alive++
	c.all.alive++
	if lease.Overdue() {
		o.gone++
		o.overdue++
		c.all.gone++
		c.overdue[lease.ID] = lease
	}
}

// addGone counts one that has expired already.
func (c *census) addGone(key naming.Key) {
	o := c.object(key)
	o.alive++
	o.gone++
	c.all.alive++
	c.all.gone++
}

// tooMany says that of all too many would go.
func (c *census) tooMany() bool {
	return len(c.overdue) > 0 && c.all.gone > maxInstances && c.all.gone*100 > c.all.alive*maxPercent
}

// emptied gives the objects that would lose all they have.
func (c *census) emptied() map[string]bool {
	objects := map[string]bool{}
	for object, o := range c.objects {
		if o.overdue > 0 && o.alive >= minOfObject && o.gone == o.alive {
			objects[object] = true
		}
	}
	return objects
}

func (c *census) reason(all bool, objects map[string]bool) string {
	if all {
		return fmt.Sprintf("%d of the %d instances that were lately alive would be gone at once", c.all.gone, c.all.alive)
	}
	names := make([]string, 0, len(objects))
	for object := range objects {
		o := c.objects[object]
		names = append(names, fmt.Sprintf("%s (%d)", o.name, o.alive))
	}
	slices.SortFunc(names, cmp.Compare)
	const shown = 5
	more := ""
	if len(names) > shown {
		more = fmt.Sprintf(" and %d more", len(names)-shown)
		names = names[:shown]
	}
	return "all instances that were lately alive would be gone of " + strings.Join(names, ", ") + more
}
