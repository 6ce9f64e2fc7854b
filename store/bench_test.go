package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

func benchmarkOnEvery(b *testing.B, run func(b *testing.B, s *store.Store)) {
	b.Helper()
	for kind, config := range map[string]store.Config{
		"sqlite":  {Path: b.TempDir() + "/registry.db"},
		"mariadb": {DSN: mariadbtest.Database(b)},
	} {
		b.Run(kind, func(b *testing.B) {
			config.Tombstone = 150 * time.Second
			s, err := store.Open(config)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			if err := s.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			run(b, s)
		})
	}
}

func fleet(from, count int) []*naming.Instance {
	list := make([]*naming.Instance, count)
	for i := range list {
		n := from + i
		list[i] = registered(key("App", fmt.Sprintf("Server%d", n%100), fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255)))
	}
	return list
}

// BenchmarkRegister writes a group commit of 64 or 128 registrations an iteration.
func BenchmarkRegister(b *testing.B) {
	for _, size := range []int{64, 128} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			benchmarkOnEvery(b, func(b *testing.B, s *store.Store) {
				b.Run("new", func(b *testing.B) {
					next := 0
					for b.Loop() {
						register(b, s, fleet(next, size)...)
						next += size
					}
					b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "registrations/s")
				})
				b.Run("again", func(b *testing.B) {
					for b.Loop() {
						register(b, s, fleet(0, size)...)
					}
					b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "registrations/s")
				})
			})
		})
	}
}

// BenchmarkFlush writes 10,000 heartbeats an iteration.
func BenchmarkFlush(b *testing.B) {
	benchmarkOnEvery(b, func(b *testing.B, s *store.Store) {
		var beats []store.Beat
		for from := 0; from < 10000; from += 200 {
			for _, instance := range register(b, s, fleet(from, 200)...).Instances {
				beats = append(beats, store.Beat{
					LeaseID: instance.Lease.ID, Revision: instance.Lease.Revision,
					Interval: 30 * time.Second, Told: true, Duration: 95 * time.Second,
				})
			}
		}
		for b.Loop() {
			unexpected, err := s.Flush(b.Context(), beats)
			if err != nil || len(unexpected) > 0 {
				b.Fatal(len(unexpected), err)
			}
		}
	})
}

// BenchmarkLoadAll reads a picture of 100,000 adapters.
func BenchmarkLoadAll(b *testing.B) {
	benchmarkOnEvery(b, func(b *testing.B, s *store.Store) {
		for from := 0; from < 100000; from += 100 {
			register(b, s, fleet(from, 100)...)
		}
		for b.Loop() {
			snapshot, err := s.LoadAll(b.Context())
			if err != nil || len(snapshot.Instances) != 100000 {
				b.Fatal(err)
			}
		}
	})
}
