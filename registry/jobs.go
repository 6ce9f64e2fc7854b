package registry

import (
	"context"
	"sync"
)

// jobs are goroutines with one owner: all end when it says so.
type jobs struct {
	ctx    context.Context //nolint:containedctx // the lifetime of the jobs is what this type is
	cancel context.CancelFunc
	group  sync.WaitGroup
}

func newJobs() *jobs {
	ctx, cancel := context.WithCancel(context.Background())
	return &jobs{ctx: ctx, cancel: cancel}
}

// start runs f until end is called.
func (j *jobs) start(f func(context.Context)) {
	j.group.Go(func() { f(j.ctx) })
}

// end asks all jobs to end and waits until they have.
func (j *jobs) end() {
	j.cancel()
	j.group.Wait()
}
