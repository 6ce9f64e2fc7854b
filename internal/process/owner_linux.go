package process

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Owner owns every child of this program. While one exists nobody else may
// wait: no exec.Cmd, no os.Process.Wait. All methods are safe for concurrent
// use.
type Owner struct {
	signals chan os.Signal
	orphans chan struct{}
	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once

	// mu is held over fork and entry into children as well as over wait and
	// removal from it: a child that ends at once is known when it is reaped,
	// and no signal goes to a process id that is free again.
	mu       sync.Mutex
	children map[int]*Process
	pumps    int // that pass output on
}

// New makes this program the reaper of all its descendants, as process 1 is by
// nature, and starts waiting for them. The caller must Close it.
func New() (*Owner, error) {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("become the reaper of orphaned processes: %w", err)
		}
	}
	o := &Owner{
		signals:  make(chan os.Signal, 1),
		orphans:  make(chan struct{}, 1),
		stop:     make(chan struct{}),
		children: make(map[int]*Process),
	}
	// Also undoes an inherited SIG_IGN, with which the kernel would throw
	// every exit status away.
	signal.Notify(o.signals, unix.SIGCHLD)
	o.stopped.Go(o.run)
	return o, nil
}

// Close stops waiting. Processes that still run are left alone; end them with
// KillDescendants first. It is idempotent.
func (o *Owner) Close() {
	o.once.Do(func() {
		signal.Stop(o.signals)
		close(o.stop)
		o.stopped.Wait()
	})
}

// Orphans receives a value after descendants other than those of Start were
// reaped; many at once make one value.
func (o *Owner) Orphans() <-chan struct{} { return o.orphans }

// Start starts c in a process group of its own, with standard input empty.
func (o *Owner) Start(c Command) (*Process, error) {
	out, err := openOutput(c)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	defer out.closeChildEnds()

	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	attr := &syscall.ProcAttr{
		Dir:   c.Dir,
		Env:   env,
		Files: []uintptr{out.stdin.Fd(), out.stdout.Fd(), out.stderr.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	o.mu.Lock()
	pid, err := syscall.ForkExec(c.Path, append([]string{c.Path}, c.Args...), attr)
	if err != nil {
		o.mu.Unlock()
		out.closeParentEnds()
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p := &Process{owner: o, pid: pid, done: make(chan struct{}), said: make(chan struct{})}
	o.children[pid] = p
	o.pumps += len(out.pumps)
	o.mu.Unlock()

	var pumping sync.WaitGroup
	for _, pump := range out.pumps {
		pumping.Go(func() {
			pump.run()
			o.pumpsChanged(-1)
		})
	}
	go func() {
		pumping.Wait()
		close(p.said)
	}()
	return p, nil
}

// run reaps whenever the kernel says that children have ended.
func (o *Owner) run() {
	for {
		o.reapAll()
		select {
		case <-o.signals:
		case <-o.stop:
			return
		}
	}
}

func (o *Owner) reapAll() {
	for o.reapOne() {
	}
}

// reapOne takes one ended child and reports whether there may be more.
func (o *Owner) reapOne() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ws unix.WaitStatus
	pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
	if errors.Is(err, unix.EINTR) {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	p, ours := o.children[pid]
	if !ours {
		select {
		case o.orphans <- struct{}{}:
		default:
		}
		return true
	}
	delete(o.children, pid)
	p.status = statusOf(ws)
	close(p.done)
	return true
}

func statusOf(ws unix.WaitStatus) Status {
	if ws.Signaled() {
		return Status{Signal: ws.Signal()}
	}
	return Status{Code: ws.ExitStatus()}
}

// KillDescendants kills every process below this one, those that moved into a
// session or group of their own as well, and returns when they are gone and
// their output has been passed on, or with ctx's error.
func (o *Owner) KillDescendants(ctx context.Context) error {
	const look = 5 * time.Millisecond
	for {
		left, err := o.signalAll(unix.SIGKILL, nil)
		if err != nil {
			return fmt.Errorf("kill what is left: %w", err)
		}
		if left == 0 {
			return o.waitForPumps(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("kill what is left: %d processes remain: %w", left, ctx.Err())
		case <-time.After(look):
		}
	}
}

// Strays returns the number of living descendants that do not stand below a
// process of Start that still runs: what a process that has ended left behind.
func (o *Owner) Strays() (int, error) {
	return o.signalAll(0, o.started)
}

// SignalStrays signals each of the Strays.
func (o *Owner) SignalStrays(sig syscall.Signal) error {
	_, err := o.signalAll(sig, o.started)
	return err
}

// started returns the ids of the processes of Start that still run.
func (o *Owner) started() []int { return slices.Collect(maps.Keys(o.children)) }

// signalAll signals all living descendants, but for the trees below those that
// except names, and returns their number. Reaping is held up meanwhile, so that
// no id it has seen is given to somebody else.
func (o *Owner) signalAll(sig syscall.Signal, except func() []int) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var spared []int
	if except != nil {
		spared = except()
	}
	pids, err := descendants(os.Getpid(), spared)
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		// Gone in between is as good as signalled.
		_ = unix.Kill(pid, sig)
	}
	return len(pids), nil
}

// pumpsChanged adds to the number of pumps and returns it.
func (o *Owner) pumpsChanged(by int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pumps += by
	return o.pumps
}

func (o *Owner) waitForPumps(ctx context.Context) error {
	const look = time.Millisecond
	for o.pumpsChanged(0) > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("pass on the last output: %w", ctx.Err())
		case <-time.After(look):
		}
	}
	return nil
}

// Process is one started process and its group.
type Process struct {
	owner  *Owner
	pid    int
	done   chan struct{}
	said   chan struct{} // closed when all output has been passed on
	status Status        // written before done is closed
}

// Pid is the process's id and that of its group.
func (p *Process) Pid() int { return p.pid }

// Done is closed when the process has ended and was reaped. Others of its
// group may live on.
func (p *Process) Done() <-chan struct{} { return p.done }

// Said is closed when all that the process has written was passed on. What it
// started may hold its output open after it has ended: wait with a bound.
func (p *Process) Said() <-chan struct{} { return p.said }

// Status is how the process ended; valid once Done is closed.
func (p *Process) Status() Status { return p.status }

// Signal sends sig to the process's whole group. Once the process itself was
// reaped it does nothing and returns os.ErrProcessDone.
func (p *Process) Signal(sig syscall.Signal) error {
	p.owner.mu.Lock()
	defer p.owner.mu.Unlock()
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
	}
	if err := unix.Kill(-p.pid, sig); err != nil {
		return fmt.Errorf("signal %s to process group %d: %w", sig, p.pid, err)
	}
	return nil
}
