package random

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// usually is how long things happen; the rest takes half a minute more.
const usually = 40 * time.Second

func TestRandom(t *testing.T) {
	seed, length := settings(t)
	t.Logf("TARSREGISTRY_RANDOM_SEED=%d TARSREGISTRY_RANDOM_FOR=%s", seed, length)
	w := newWorld(t, seed)
	var living, beating sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	beats, stopBeats := context.WithCancel(t.Context())
	w.ctx, w.beats = ctx, beats
	t.Cleanup(func() {
		stop()
		stopBeats()
		living.Wait()
		beating.Wait()
		w.report()
	})

	w.anchors(&beating)
	fleet := w.settle(&living, &beating)
	weather := &weather{world: w, random: w.random("weather", 0)}
	for end := time.Now().Add(length); time.Now().Before(end) && w.wrongs.Load() == 0; {
		time.Sleep(300 * time.Millisecond)
		weather.change()
	}
	weather.clear()
	stop()
	living.Wait()
	weather.settled()
	t.Logf("%s: all is at rest", w.clock())
	w.rest(fleet)
	for _, s := range w.sites {
		weather.mustRun(s)
		if strings.Contains(s.Said(), "DATA RACE") || strings.Contains(s.Said(), "panic:") {
			w.wrong("replica %d said:\n%s", s.number, s.Said())
		}
	}
}

func settings(t *testing.T) (seed uint64, length time.Duration) {
	t.Helper()
	seed, length = uint64(time.Now().UnixNano())%1_000_000, usually
	var err error
	if text := os.Getenv("TARSREGISTRY_RANDOM_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("TARSREGISTRY_RANDOM_FOR"); text != "" {
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	return seed, length
}

// anchors registers those that nothing happens to, and has them watched.
func (w *world) anchors(beating *sync.WaitGroup) {
	w.t.Helper()
	for server := range anchorServers {
		for instance := range anchorInstances {
			a := anchor{w, server, instance}
			replica.Eventually(w.t, patience, "register an anchor", a.register)
			beating.Go(a.beat)
		}
	}
	for _, s := range w.sites {
		replica.Eventually(w.t, patience, fmt.Sprintf("replica %d knows the anchors", s.number), s.knowsAnchors) // R22
		beating.Go(func() { w.watch(s) })
	}
}

func (s *site) knowsAnchors() error {
	for server := range anchorServers {
		active, _, err := s.find(anchorObject(server))
		if err == nil && len(active) != anchorInstances {
			err = fmt.Errorf("it finds %v of %s", addressesOf(active), anchorObject(server))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settle brings the houses and machines to life.
func (w *world) settle(living, beating *sync.WaitGroup) []*house {
	var fleet []*house
	for number := range houses {
		h := newHouse(w, number)
		fleet = append(fleet, h)
		living.Go(h.live)
		for i := range h.slots {
			beating.Go(func() { h.beat(i) })
		}
	}
	for number := range machines {
		m := &machine{world: w, random: w.random("machine", number), number: number}
		living.Go(m.live)
	}
	return fleet
}

// report logs what was done.
func (w *world) report() {
	var lines []string
	w.counted.Range(func(what, counter any) bool {
		lines = append(lines, fmt.Sprintf("%6d %s", counter.(*atomic.Int64).Load(), what))
		return true
	})
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[7:], b[7:]) })
	w.t.Logf("done:\n%s", strings.Join(lines, "\n"))
}
