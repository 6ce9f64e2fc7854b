package registry

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/roster"
)

// scraped is a live, active instance with a metrics port.
func scraped(server, node string, port int32) *naming.Instance {
	return &naming.Instance{
		Key:    naming.Key{Application: "App", Server: server, Node: node},
		Server: &naming.Server{SettingState: naming.Active, PresentState: naming.Active},
		Lease:  &naming.Lease{State: naming.LeaseLive, Revision: 1, MetricsPort: port},
	}
}

func inSet(instance *naming.Instance, name, area, group string) *naming.Instance {
	s := instance.Server
	s.EnableSet, s.SetName, s.SetArea, s.SetGroup = true, name, area, group
	return instance
}

func labels(server, set string) map[string]string {
	return map[string]string{"application": "App", "server": server, "set": set}
}

func TestR14TargetsByApplicationServerAndSet(t *testing.T) {
	expired := scraped("One", "10.0.0.8", 9325)
	expired.Lease.State = naming.LeaseExpired
	inactive := scraped("One", "10.0.0.9", 9325)
	inactive.Server.PresentState = naming.Inactive
	all := newTargets()
	known := roster.New(all)
	known.Committed([]*naming.Instance{
		scraped("One", "10.0.0.2", 9325), scraped("One", "10.0.0.1", 9000),
		scraped("One", "fd00::1", 9325), scraped("Two", "10.0.0.1", 9325),
		inSet(scraped("One", "10.0.0.3", 9325), "gray", "sz", "1"),
		scraped("None", "10.0.0.1", 0), expired, inactive,
	}, nil)
	for _, test := range []struct {
		filter map[string]string
		want   []targetGroup
	}{
		{nil, []targetGroup{
			{[]string{"10.0.0.1:9000", "10.0.0.2:9325", "[fd00::1]:9325"}, labels("One", "")},
			{[]string{"10.0.0.3:9325"}, labels("One", "gray.sz.1")},
			{[]string{"10.0.0.1:9325"}, labels("Two", "")},
		}},
		{map[string]string{"server": "Two"}, []targetGroup{{[]string{"10.0.0.1:9325"}, labels("Two", "")}}},
		{map[string]string{"server": "One", "set": "gray.sz.1"}, []targetGroup{{[]string{"10.0.0.3:9325"}, labels("One", "gray.sz.1")}}},
		{map[string]string{"server": "two"}, nil},
		{map[string]string{"server": "Two", "colour": "red"}, nil},
		{map[string]string{"colour": ""}, nil},
	} {
		if got := all.find(test.filter); !reflect.DeepEqual(got, test.want) {
			t.Errorf("filter %v: %v, want %v", test.filter, got, test.want)
		}
	}
	before := all.find(nil)
	one := scraped("Two", "10.0.0.1", 9325)
	one.Lease.Revision, one.Server.PresentState = 2, naming.Inactive
	moved := inSet(scraped("One", "10.0.0.2", 9326), "gray", "sz", "1")
	moved.Lease.Revision = 2
	known.Committed([]*naming.Instance{one, moved}, nil)
	want := []targetGroup{
		{[]string{"10.0.0.1:9000", "[fd00::1]:9325"}, labels("One", "")},
		{[]string{"10.0.0.2:9326", "10.0.0.3:9325"}, labels("One", "gray.sz.1")},
	}
	if got := all.find(nil); !reflect.DeepEqual(got, want) {
		t.Errorf("after one turned inactive and one moved: %v, want %v", got, want)
	}
	if len(before) != 3 || len(before[0].Targets) != 3 {
		t.Errorf("what was handed out before has changed: %v", before)
	}
}

func BenchmarkTargets(b *testing.B) {
	const count = 10_000
	all := newTargets()
	known := roster.New(all)
	instances := make([]*naming.Instance, count)
	for i := range instances {
		instances[i] = scraped(fmt.Sprint("Server", i%500), fmt.Sprintf("10.0.%d.%d", i/250, i%250), 9325)
	}
	known.Committed(instances, nil)
	b.Run("changed", func(b *testing.B) {
		for b.Loop() {
			again := *instances[0]
			lease := *again.Lease
			lease.Revision++
			lease.MetricsPort = 9000 + int32(lease.Revision%2)
			again.Lease = &lease
			instances[0] = &again
			known.Committed(instances[:1], nil)
			all.find(nil)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			all.find(nil)
		}
	})
}
