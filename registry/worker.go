package registry

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// errNoWorker: all worker ids of a server are taken.
var errNoWorker = errors.New("all worker ids are taken; ids of expired instances come free when they are cleaned")

// maxWorkers bounds worker ids: what ten bits hold, as id generators want it.
const maxWorkers = 1024

// workerRequest is what a pod wants of worker ids (R35).
type workerRequest struct {
	wanted bool
	held   int64 // the id it says it holds, NoWorker: none
	given  int64
}

func workerWish(values contextValues) (*workerRequest, error) {
	text, present := values.ContextValue(contextWorker)
	request := &workerRequest{held: transition.NoWorker, given: transition.NoWorker}
	if !present {
		return request, nil
	}
	request.wanted = true
	if string(text) == "want" {
		return request, nil
	}
	id, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || id < 0 || id >= maxWorkers {
		return nil, &naming.InvalidError{
			Field: contextWorker, Rule: "must be want, or the id held (0 to " + strconv.Itoa(maxWorkers-1) + ")",
		}
	}
	request.held = id
	return request, nil
}

// lease gives the instance, which the transaction has just registered, the
// worker id that it says it holds, unless another instance does; else the one that
// it was given before, or a free one (R35).
func (w *workerRequest) lease(tx *store.Tx, key naming.Key) error {
	w.given = transition.NoWorker
	if !w.wanted {
		return nil
	}
	instance := tx.Instance(key)
	before := instance.Lease.WorkerID
	if before != transition.NoWorker && (w.held == before || w.held == transition.NoWorker) {
		w.given = before
		return nil
	}
	taken, err := tx.WorkerIDs(key)
	if err != nil {
		return fmt.Errorf("find a worker id for %s: %w", key, err)
	}
	w.given = w.choose(before, taken)
	switch w.given {
	case transition.NoWorker:
		return fmt.Errorf("%s: %w", key.ServerName(), errNoWorker)
	case before:
		return nil
	}
	changed := instance.Clone()
	changed.Lease.WorkerID = w.given
	tx.Put(changed, naming.Event{
		Kind: naming.EventRegistered, State: changed.Lease.Reported,
		Reason: fmt.Sprintf("onStartup, worker id %d", w.given), Actor: "worker ids",
	})
	return nil
}

// choose gives the id that is held where nobody else has it: the server runs with
// it, or is started with it whatever is said here. NoWorker: all are taken.
func (w *workerRequest) choose(before int64, taken map[int64]bool) int64 {
	switch {
	case w.held != transition.NoWorker && !taken[w.held]:
		return w.held
	case before != transition.NoWorker:
		return before
	}
	for id := range int64(maxWorkers) {
		if !taken[id] {
			return id
		}
	}
	return transition.NoWorker
}

func (w *workerRequest) answer(call *rpc.PooledCall) {
	if w.wanted && w.given != transition.NoWorker {
		call.SetStatus(statusWorkerID, strconv.FormatInt(w.given, 10))
	}
}
