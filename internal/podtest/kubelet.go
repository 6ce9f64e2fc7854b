//go:build linux

package podtest

import (
	"context"
	"syscall"
	"time"
)

// Order is what a pod is told first when it is deleted.
type Order int

// The orders that occur. Kubernetes runs the hook first; without a hook, and
// with runtimes that lose it, SIGTERM comes alone or first.
const (
	HookThenTerm Order = iota
	TermOnly
	TermThenHook
)

// Deletion is how a pod ended.
type Deletion struct {
	Took     time.Duration
	Killed   bool // by SIGKILL, because its time was over
	ExitCode int
	HookCode int    // of the stop hook, -1 where it was killed or did not run
	HookSaid string // its output
}

// killExtension is what Kubernetes gives a container whose hook used its whole
// grace period up.
const killExtension = 2 * time.Second

// Delete ends the pod as a kubelet does: the hook tarscli prestop within the
// grace period, SIGTERM, and SIGKILL when the period is over, but not before two
// seconds after SIGTERM.
func (p *Pod) Delete(grace time.Duration, order Order) Deletion {
	p.t.Helper()
	start := time.Now()
	d := Deletion{HookCode: -1}
	ctx, cancel := context.WithDeadline(context.Background(), start.Add(grace))
	defer cancel()
	hook := func() {
		d.HookSaid, d.HookCode = p.Exec(ctx, "prestop")
	}
	hookDone := make(chan struct{})
	switch order {
	case HookThenTerm:
		hook()
		close(hookDone)
		p.terminate()
	case TermOnly:
		close(hookDone)
		p.terminate()
	case TermThenHook:
		p.terminate()
		go func() {
			defer close(hookDone)
			hook()
		}()
	}
	select {
	case <-p.container.done:
	case <-time.After(max(killExtension, grace-time.Since(start))):
		d.Killed = true
		p.Kill()
	}
	<-hookDone
	d.Took, d.ExitCode = time.Since(start), p.exitCode()
	return d
}

// terminate sends SIGTERM, unless the container has ended by itself.
func (p *Pod) terminate() {
	if p.Running() {
		p.Signal(syscall.SIGTERM)
	}
}
