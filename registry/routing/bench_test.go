package routing_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
)

func fleetTable(servers, nodes int) *routing.Table {
	table := routing.NewTable(routing.Options{})
	table.Replace(routing.Contents{Instances: routingtest.Fleet(servers, nodes)})
	return table
}

func BenchmarkLookup(b *testing.B) {
	caller := routing.Caller{Address: netip.MustParseAddr("10.0.0.1")}
	for _, size := range []struct{ servants, endpoints int }{{1000, 10}, {1, 1000}, {1000, 100}} {
		table := fleetTable(size.servants, size.endpoints)
		servants := make([]string, size.servants)
		for i := range servants {
			servants[i] = routingtest.FleetServant(i)
		}
		b.Run(fmt.Sprintf("servants=%d/endpoints=%d", size.servants, size.endpoints), func(b *testing.B) {
			b.ReportAllocs()
			bytes, i := 0, 0
			for b.Loop() {
				bytes += len(table.Picture().InSameGroup(servants[i%len(servants)], caller).Body())
				i++
			}
			b.ReportMetric(float64(bytes)/float64(i), "bytes/answer")
		})
	}
}

// BenchmarkFirstLookup is a look-up of an object that has just changed.
func BenchmarkFirstLookup(b *testing.B) {
	caller := routing.Caller{Address: netip.MustParseAddr("10.0.0.1")}
	for _, endpoints := range []int{10, 1000} {
		b.Run(fmt.Sprintf("endpoints=%d", endpoints), func(b *testing.B) {
			table := fleetTable(1, endpoints)
			changed := routingtest.FleetInstance(0, 0)
			for i := 0; b.Loop(); i++ {
				table.Apply([]*naming.Instance{withState(changed, i)}, nil)
				table.Picture().InSameGroup(routingtest.FleetServant(0), caller).Body()
			}
		})
	}
}

// withState gives the instance another state at every step.
func withState(instance *naming.Instance, step int) *naming.Instance {
	changed := instance.Clone()
	changed.Server.PresentState = naming.Active
	if step%2 == 0 {
		changed.Server.PresentState = naming.Inactive
	}
	return changed
}

// BenchmarkApply changes instances among 100,000.
func BenchmarkApply(b *testing.B) {
	for _, shape := range []struct{ servants, endpoints int }{{10_000, 10}, {100, 1000}} {
		table := fleetTable(shape.servants, shape.endpoints)
		for _, batch := range []int{1, 100} {
			b.Run(fmt.Sprintf("servants=%d/endpoints=%d/batch=%d", shape.servants, shape.endpoints, batch), func(b *testing.B) {
				b.ReportAllocs()
				instances := make([]*naming.Instance, batch)
				for i := 0; b.Loop(); i++ {
					for j := range instances {
						n := i*batch + j
						instances[j] = withState(routingtest.FleetInstance(n%shape.servants, 0), n/shape.servants)
					}
					table.Apply(instances, nil)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/instance")
			})
		}
	}
}

func BenchmarkReplace(b *testing.B) {
	fleet := routingtest.Fleet(10_000, 10)
	for b.Loop() {
		routing.NewTable(routing.Options{}).Replace(routing.Contents{Instances: fleet})
	}
}

// BenchmarkMemory tells what 100,000 adapters take: what the instances
// themselves do, the picture of them, and the encoded answers.
func BenchmarkMemory(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		fleet := routingtest.Fleet(10_000, 10)
		instances := heap()
		table := routing.NewTable(routing.Options{})
		table.Replace(routing.Contents{Instances: fleet})
		picture := heap()
		for i := range 10_000 {
			table.Picture().InSameGroup(routingtest.FleetServant(i), routing.Caller{}).Body()
		}
		bodies := heap()
		const mb = 1 << 20
		b.ReportMetric(float64(instances-before)/mb, "MB-instances")
		b.ReportMetric(float64(picture-instances)/mb, "MB-picture")
		b.ReportMetric(float64(bodies-picture)/mb, "MB-bodies")
		runtime.KeepAlive(table)
		runtime.KeepAlive(fleet)
	}
}
