package heartbeat

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func fill(entries int) (*Book, []*Beat) {
	b := NewBook(ttl)
	list := make([]*Beat, entries)
	for n := range entries {
		uid := fmt.Sprintf("6b1f0f6e-7a52-4c51-9c4e-%012d", n)
		b.Learn(live(key(n), uid, id(int64(n+1))))
		list[n] = beat(key(n), uid, naming.Active, 1)
	}
	return b, list
}

func TestBeatDoesNotAllocate(t *testing.T) {
	b, list := fill(1000)
	for _, one := range list {
		b.Beat(one) // the lists of noted ones grow once
	}
	collected(b)
	n := 0
	if allocs := testing.AllocsPerRun(5000, func() { b.Beat(list[n%len(list)]); n++ }); allocs != 0 {
		t.Errorf("Beat allocates %v times", allocs)
	}
	wide := nodeBeat(key(1).Node, string(list[1].UID), naming.Active)
	if allocs := testing.AllocsPerRun(1000, func() { b.BeatNode(wide) }); allocs != 0 {
		t.Errorf("BeatNode allocates %v times", allocs)
	}
}

func TestEntryIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(entry{}); size > 128 {
		t.Errorf("an entry has %d bytes, more than 128", size)
	}
}

func BenchmarkBeat(b *testing.B) {
	for _, entries := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			book, list := fill(entries)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if book.Beat(list[n]) != Unchanged {
					b.Fatal("not unchanged")
				}
				if n++; n == len(list) {
					n = 0
				}
			}
		})
	}
}

func BenchmarkBeatParallel(b *testing.B) {
	for _, entries := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			book, list := fill(entries)
			b.ReportAllocs()
			var start atomic.Int64
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				n := int(start.Add(7919)) % len(list)
				for pb.Next() {
					book.Beat(list[n])
					if n++; n == len(list) {
						n = 0
					}
				}
			})
		})
	}
}

func BenchmarkCollect(b *testing.B) {
	book, list := fill(10_000)
	var noted []pending
	var changed []Unexpected
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for _, one := range list {
			book.Beat(one)
		}
		b.StartTimer()
		noted, changed = book.collect(noted[:0], changed[:0], 0)
	}
}

// BenchmarkMemory reports what the book itself takes for an instance; the names
// are shared with whoever else holds the instance.
func BenchmarkMemory(b *testing.B) {
	const entries = 100_000
	instances := make([]*naming.Instance, entries)
	for n := range entries {
		instances[n] = live(key(n), fmt.Sprintf("6b1f0f6e-7a52-4c51-9c4e-%012d", n), id(int64(n+1)))
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		book := NewBook(ttl)
		for _, instance := range instances {
			book.Learn(instance)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/entries, "bytes/instance")
		runtime.KeepAlive(book)
	}
	runtime.KeepAlive(instances)
}
