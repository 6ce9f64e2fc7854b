//go:build cluster

package cluster

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

const (
	writes = 60
	// atMost is what no write may take to show elsewhere. It is far from what is
	// expected (R22: half a second), which the log says and nothing asserts.
	atMost = 20 * time.Second
)

// TestClusterDelay measures how long after its acknowledgement a write through one
// replica shows in the look-ups of the others.
func TestClusterDelay(t *testing.T) {
	onBoth(t, func(t *testing.T, i *installation) {
		var clients []*client
		for _, s := range i.sites {
			clients = append(clients, newClient(t, s))
		}
		measure(t, clients, "registrations", (*client).register, true)
		measure(t, clients, "changes of state", func(c *client, n int) error { return c.report(n, "inactive") }, false)
		measure(t, clients, "returns", func(c *client, n int) error { return c.report(n, "active") }, true)
		measure(t, clients, "good-byes", (*client).leave, false)
	})
}

// measure writes one after the other through each replica in turn, and logs how
// long the others took to show it.
func measure(t *testing.T, clients []*client, what string, write func(*client, int) error, shown bool) {
	t.Helper()
	var mu sync.Mutex
	var delays []time.Duration
	for number := range writes {
		// A busy machine may not commit in the time that pods are kept waiting.
		replica.Eventually(t, atMost, what, func() error { return write(clients[number%len(clients)], number) })
		acknowledged := time.Now()
		var others sync.WaitGroup
		for k, c := range clients {
			if k == number%len(clients) {
				continue
			}
			others.Go(func() {
				if err := c.await(node(number), shown); err != nil {
					t.Errorf("%s: %v", what, err)
					return
				}
				delay := time.Since(acknowledged)
				mu.Lock()
				defer mu.Unlock()
				delays = append(delays, delay)
			})
		}
		others.Wait()
		if t.Failed() {
			return
		}
	}
	slices.Sort(delays)
	percentile := func(p int) time.Duration {
		return delays[min(len(delays)-1, len(delays)*p/100)].Round(time.Millisecond)
	}
	t.Logf("%-17s shown by the other replicas: p50 %v, p90 %v, p99 %v, most %v (%d)", what,
		percentile(50), percentile(90), percentile(99), delays[len(delays)-1].Round(time.Millisecond), len(delays))
}

// await waits until the host is, or is not, among the active endpoints.
func (c *client) await(host string, shown bool) error {
	deadline := time.Now().Add(atMost)
	for {
		hosts, err := c.find()
		if err == nil && slices.Contains(hosts, host) == shown {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not shown as active=%v after %s: %v, %w", host, shown, atMost, hosts, err)
		}
		time.Sleep(2 * time.Millisecond) // the resolution of what is measured
	}
}
