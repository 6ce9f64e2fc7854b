package registry

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// targetGroup is the metrics targets of one server in one set, the unit of
// getMetricsAdapters and of Prometheus' HTTP service discovery.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// The labels of a target group. The set is "" for instances in none.
const (
	labelApplication = "application"
	labelServer      = "server"
	labelSet         = "set"
)

// targets answers where metrics are served (R14). It follows the roster: what
// changes makes its own group anew, and all are handed out until one changes.
type targets struct {
	mu     sync.Mutex
	groups map[targetKey]*targetAddresses
	places map[naming.Key]targetPlace // by folded key
	keys   []targetKey                // of the groups, in order; nil: to be made
	list   []targetGroup              // nil: to be made
}

// targetAddresses is a group under way.
type targetAddresses struct {
	byInstance map[naming.Key]string // by folded key
	made       targetGroup
	stale      bool
}

// targetPlace is where an instance's address stands.
type targetPlace struct {
	group   targetKey
	address string
}

func newTargets() *targets {
	return &targets{groups: map[targetKey]*targetAddresses{}, places: map[naming.Key]targetPlace{}}
}

// Follow implements roster.Follower.
func (t *targets) Follow(changed []*naming.Instance, _ []naming.Tombstone) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var folder naming.Folder
	for _, instance := range changed {
		key := folder.Fold(instance.Key)
		old, stood := t.places[key]
		place, stands := placeOf(instance)
		if stood == stands && old == place {
			continue
		}
		if stood {
			t.remove(key, old.group)
		}
		if stands {
			t.add(key, place)
		}
		t.list = nil
	}
}

func (t *targets) remove(key naming.Key, from targetKey) {
	delete(t.places, key)
	group := t.groups[from]
	delete(group.byInstance, key)
	group.stale = true
	if len(group.byInstance) == 0 {
		delete(t.groups, from)
		t.keys = nil
	}
}

func (t *targets) add(key naming.Key, place targetPlace) {
	t.places[key] = place
	group := t.groups[place.group]
	if group == nil {
		group = &targetAddresses{byInstance: map[naming.Key]string{}}
		t.groups[place.group] = group
		t.keys = nil
	}
	group.byInstance[key] = place.address
	group.stale = true
}

// find gives the groups all of whose named labels match exactly; a label that
// does not exist matches nothing. The result must not be changed.
func (t *targets) find(filter map[string]string) []targetGroup {
	groups := t.current()
	if len(filter) == 0 {
		return groups
	}
	var found []targetGroup
	for _, group := range groups {
		if matches(group.Labels, filter) {
			found = append(found, group)
		}
	}
	return found
}

func matches(labels, filter map[string]string) bool {
	for label, want := range filter {
		if value, known := labels[label]; !known || value != want {
			return false
		}
	}
	return true
}

func (t *targets) current() []targetGroup {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list != nil {
		return t.list
	}
	if t.keys == nil {
		t.keys = slices.SortedFunc(maps.Keys(t.groups), targetKey.compare)
	}
	t.list = make([]targetGroup, len(t.keys))
	for i, key := range t.keys {
		group := t.groups[key]
		if group.stale {
			group.made, group.stale = group.build(key), false
		}
		t.list[i] = group.made
	}
	return t.list
}

func (a *targetAddresses) build(key targetKey) targetGroup {
	return targetGroup{Targets: slices.Sorted(maps.Values(a.byInstance)), Labels: map[string]string{
		labelApplication: key.application, labelServer: key.server, labelSet: key.set,
	}}
}

type targetKey struct{ application, server, set string }

func (k targetKey) compare(o targetKey) int {
	return cmp.Or(
		strings.Compare(k.application, o.application),
		strings.Compare(k.server, o.server),
		strings.Compare(k.set, o.set),
	)
}

// placeOf is where an instance's metrics are, if it has any to be scraped.
func placeOf(instance *naming.Instance) (targetPlace, bool) {
	if !scrapeable(instance) {
		return targetPlace{}, false
	}
	return targetPlace{
		group:   targetKey{instance.Application, instance.Key.Server, instance.Server.SetID()},
		address: net.JoinHostPort(strings.Trim(instance.Node, "[]"), strconv.Itoa(int(instance.Lease.MetricsPort))),
	}, true
}

func scrapeable(instance *naming.Instance) bool {
	return instance.Live() && instance.Server != nil &&
		instance.Server.PresentState == naming.Active && instance.Lease.MetricsPort != 0
}
