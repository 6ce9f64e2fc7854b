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
	"github.com/tarsregistry/tarsregistry/registry/roster"
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

// targets answers where metrics are served (R14). Groups are made when the roster
// has changed and handed out until it changes again.
type targets struct {
	roster *roster.Roster

	mu      sync.Mutex
	made    bool
	version uint64
	groups  []targetGroup
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
	if version := t.roster.Version(); !t.made || t.version != version {
		t.groups, t.version, t.made = groupTargets(t.roster.All()), version, true
	}
	return t.groups
}

type targetKey struct{ application, server, set string }

func (k targetKey) compare(o targetKey) int {
	return cmp.Or(
		strings.Compare(k.application, o.application),
		strings.Compare(k.server, o.server),
		strings.Compare(k.set, o.set),
	)
}

func groupTargets(instances []*naming.Instance) []targetGroup {
	byKey := map[targetKey][]string{}
	for _, instance := range instances {
		if !scrapeable(instance) {
			continue
		}
		key := targetKey{instance.Application, instance.Key.Server, instance.Server.SetID()}
		address := net.JoinHostPort(strings.Trim(instance.Node, "[]"), strconv.Itoa(int(instance.Lease.MetricsPort)))
		byKey[key] = append(byKey[key], address)
	}
	groups := make([]targetGroup, 0, len(byKey))
	for _, key := range slices.SortedFunc(maps.Keys(byKey), targetKey.compare) {
		addresses := byKey[key]
		slices.Sort(addresses)
		groups = append(groups, targetGroup{Targets: addresses, Labels: map[string]string{
			labelApplication: key.application, labelServer: key.server, labelSet: key.set,
		}})
	}
	return groups
}

func scrapeable(instance *naming.Instance) bool {
	return instance.Live() && instance.Server != nil &&
		instance.Server.PresentState == naming.Active && instance.Lease.MetricsPort != 0
}
