package registry

import (
	"errors"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// errNoWorker: all worker ids of a server are taken.
var errNoWorker = errors.New("all worker ids are taken; ids of expired instances come free when they are cleaned")

// lease gives the instance, which the transaction has just registered, the
// worker id that it holds already, or a free one (R35).
func (w *workerRequest) lease(tx *store.Tx, key naming.Key) error {
	w.given = transition.NoWorker
	if !w.wanted {
		return nil
	}
	instance := tx.Instance(key)
	if instance.Lease.WorkerID != transition.NoWorker {
		w.given = instance.Lease.WorkerID
		return nil
	}
	id, free, err := tx.FreeWorkerID(key, maxWorkers)
	if err != nil {
		return fmt.Errorf("find a worker id for %s: %w", key, err)
	}
	if !free {
		return fmt.Errorf("%s: %w", key.ServerName(), errNoWorker)
	}
	w.given = id
	changed := instance.Clone()
	changed.Lease.WorkerID = id
	tx.Put(changed, naming.Event{
		Kind: naming.EventRegistered, State: changed.Lease.Reported,
		Reason: fmt.Sprintf("onStartup, worker id %d", id), Actor: "worker ids",
	})
	return nil
}
