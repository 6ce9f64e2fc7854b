//go:build cluster

package cluster

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

const anchors = 5

// TestClusterLosesAReplicaAndANode kills one replica and one node of the database,
// another replica's, while clients look up and pods register: no look-up fails, and
// whatever was acknowledged is found everywhere once all are back.
func TestClusterLosesAReplicaAndANode(t *testing.T) {
	onBoth(t, func(t *testing.T, i *installation) {
		l := &load{t: t, stop: make(chan struct{})}
		setup := newClient(t, i.sites[0])
		for number := range anchors {
			replica.Eventually(t, atMost, "register an anchor", func() error { return setup.register(number) })
		}
		for _, s := range i.sites {
			if err := newClient(t, s).await(node(anchors-1), true); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			c := newClient(t, i.sites...)
			l.done.Go(func() { l.lookUps(c) })
		}
		c := newClient(t, i.sites...)
		l.done.Go(func() { l.registrations(c) })
		l.pass(t, 200, 20)

		i.sites[0].Kill()
		l.pass(t, 500, 20)
		victim := i.nodes[len(i.nodes)/2] // the second replica's, or the only one
		victim.Kill(t)
		if len(i.nodes) > 1 {
			l.pass(t, 500, 20) // through the replica on a node that is left
			i.await(len(i.nodes) - 1)
		} else {
			l.pass(t, 500, 0) // nothing can be registered, everything is answered
		}
		victim.Start(t)
		i.await(len(i.nodes))
		i.sites[0].Start()
		l.pass(t, 500, 20)
		close(l.stop)
		l.done.Wait()

		t.Logf("%d look-ups, %d registrations (%d attempts failed)", l.looked.Load(), l.registered.Load(), l.refused.Load())
		for number, s := range i.sites {
			c := newClient(t, s)
			replica.Eventually(t, time.Minute, fmt.Sprintf("replica %d shows all that was acknowledged", number), func() error {
				hosts, err := c.find()
				if err != nil {
					return err
				}
				for number := range anchors + int(l.registered.Load()) {
					if !slices.Contains(hosts, node(number)) {
						return fmt.Errorf("%s is missing among %d", node(number), len(hosts))
					}
				}
				return nil
			})
		}
	})
}

// load is what clients and pods do meanwhile.
type load struct {
	t    *testing.T
	stop chan struct{}
	done sync.WaitGroup

	looked     atomic.Int64
	registered atomic.Int64
	refused    atomic.Int64
}

func (l *load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// lookUps never fail and never lack those that are there all the time.
func (l *load) lookUps(c *client) {
	for !l.stopped() {
		hosts, err := c.lookUp()
		if err != nil {
			l.t.Errorf("a look-up failed: %v", err)
			return
		}
		for number := range anchors {
			if !slices.Contains(hosts, node(number)) {
				l.t.Errorf("a look-up lacks %s: %v", node(number), hosts)
				return
			}
		}
		l.looked.Add(1)
		time.Sleep(5 * time.Millisecond) // a steady load, not all there can be
	}
}

// registrations goes from node to node; each is tried until it is acknowledged.
func (l *load) registrations(c *client) {
	for number := anchors; !l.stopped(); number++ {
		for c.register(number) != nil {
			l.refused.Add(1)
			if l.stopped() {
				return
			}
			time.Sleep(50 * time.Millisecond) // as pods do
		}
		l.registered.Add(1)
		time.Sleep(10 * time.Millisecond)
	}
}

// pass waits until so much more has been done.
func (l *load) pass(t *testing.T, lookUps, registrations int64) {
	t.Helper()
	looked, registered := l.looked.Load()+lookUps, l.registered.Load()+registrations
	replica.Eventually(t, 2*time.Minute, "clients and pods go on", func() error {
		if l.looked.Load() < looked || l.registered.Load() < registered {
			return fmt.Errorf("%d of %d look-ups, %d of %d registrations", l.looked.Load(), looked, l.registered.Load(), registered)
		}
		return nil
	})
}
