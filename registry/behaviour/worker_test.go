package behaviour

import (
	"testing"
	"time"
)

// workerID registers with a wish for a worker id, and gives the one leased.
func (c caller) workerID(i instance, wish string) string {
	c.r.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		status, err := c.with("tars-worker", wish).onStartup(i.startup())
		if err == nil {
			return status["tars-worker-id"]
		}
		if time.Now().After(deadline) {
			c.r.t.Fatal(err)
		}
	}
}

// TestR35WorkerIDs: an id that a pod holds, by its own decision or from before its
// lease was lost, is leased to nobody else, and stays the pod's.
func TestR35WorkerIDs(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		own, first, second, third := pod("Numbered", "10.12.0.1"), pod("Numbered", "10.12.0.2"), pod("Numbered", "10.12.0.3"), pod("Numbered", "10.12.0.4")
		equal(t, "the id that the pod decided on", r.as("uid-1").workerID(own, "1"), "1")
		equal(t, "the smallest free id", r.as("uid-2").workerID(first, "want"), "0")
		equal(t, "the next free id", r.as("uid-3").workerID(second, "want"), "2")
		equal(t, "the id of who registers again", r.as("uid-3").workerID(second, "2"), "2")
		equal(t, "the id of who has forgotten it", r.as("uid-3").workerID(second, "want"), "2")
		equal(t, "the stored id", d.lease(second)["worker_id"], "2")

		// The lease is lost, as after a restore, and meanwhile others come.
		r.as("uid-2").leave(first)
		r.as("uid-3").leave(second)
		equal(t, "an id that came free", r.as("uid-4").workerID(third, "want"), "0")
		equal(t, "the id that a pod without a lease holds", r.as("uid-3").workerID(second, "2"), "2")
		equal(t, "the id in place of one that another has", r.as("uid-2").workerID(first, "0"), "3")
		equal(t, "the id in place of one that another decided on", r.as("uid-4").workerID(third, "1"), "0")
		equal(t, "another id that the pod decided on", r.as("uid-1").workerID(own, "7"), "7")
		equal(t, "the stored id", d.lease(own)["worker_id"], "7")
	})
}
