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
	known := roster.New()
	known.Committed([]*naming.Instance{
		scraped("One", "10.0.0.2", 9325), scraped("One", "10.0.0.1", 9000),
		scraped("One", "fd00::1", 9325), scraped("Two", "10.0.0.1", 9325),
		inSet(scraped("One", "10.0.0.3", 9325), "gray", "sz", "1"),
		scraped("None", "10.0.0.1", 0), expired, inactive,
	}, nil)
	all := &targets{roster: known}
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
	one := scraped("Two", "10.0.0.1", 9325)
	one.Lease.Revision, one.Server.PresentState = 2, naming.Inactive
	known.Committed([]*naming.Instance{one}, nil)
	if got := all.find(map[string]string{"server": "Two"}); len(got) != 0 {
		t.Errorf("an instance that turned inactive is still a target: %v", got)
	}
}

func BenchmarkTargets(b *testing.B) {
	const count = 10_000
	known := roster.New()
	instances := make([]*naming.Instance, count)
	for i := range instances {
		instances[i] = scraped(fmt.Sprint("Server", i%500), fmt.Sprintf("10.0.%d.%d", i/250, i%250), 9325)
	}
	known.Committed(instances, nil)
	b.Run("changed", func(b *testing.B) {
		for b.Loop() {
			(&targets{roster: known}).find(nil)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		all := &targets{roster: known}
		for b.Loop() {
			all.find(nil)
		}
	})
}
