package supervisor

import (
	"context"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/process"
)

// server is the started server: the process of the start command, or, when that
// ends well and leaves processes behind, those: many start scripts put the
// server into the background.
type server struct {
	owner   *process.Owner
	process *process.Process
	started time.Time
	// wasWell is the machine's: the server has passed a check.
	wasWell bool
	// ended is closed when nothing of the server runs any more.
	ended chan struct{}
	// detached is closed when the start command has gone and left others.
	detached chan struct{}
}

// strayPoll is how often what a start command left behind is looked for.
const strayPoll = 500 * time.Millisecond

func startServer(owner *process.Owner, command process.Command) (*server, error) {
	p, err := owner.Start(command)
	if err != nil {
		return nil, err
	}
	s := &server{
		owner: owner, process: p, started: time.Now(),
		ended: make(chan struct{}), detached: make(chan struct{}),
	}
	go s.watch()
	return s, nil
}

// watch closes ended. What a crashed server leaves behind is killed first, so
// that its ports are free for the next one.
func (s *server) watch() {
	defer close(s.ended)
	<-s.process.Done()
	if s.process.Status() != (process.Status{}) {
		s.killStrays()
		return
	}
	if s.strays() == 0 {
		return
	}
	close(s.detached)
	ticker := time.NewTicker(strayPoll)
	defer ticker.Stop()
	for s.strays() > 0 {
		select {
		case <-ticker.C:
		case <-s.owner.Orphans():
		}
	}
}

func (s *server) strays() int {
	n, err := s.owner.Strays()
	if err != nil {
		return 0 // without /proc nobody can be found, and nobody killed
	}
	return n
}

func (s *server) killStrays() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for s.strays() > 0 && ctx.Err() == nil {
		// An error is that of strays, which says none then.
		_ = s.owner.SignalStrays(syscall.SIGKILL)
		time.Sleep(5 * time.Millisecond)
	}
}

// status is how the server ended; killed, where the kernel has not even told
// that by now.
func (s *server) status() process.Status {
	select {
	case <-s.process.Done():
		return s.process.Status()
	default:
		return process.Status{Signal: syscall.SIGKILL}
	}
}

// isDetached tells whether what is left is no child of ours.
func (s *server) isDetached() bool {
	select {
	case <-s.detached:
		return true
	default:
		return false
	}
}

// signal reaches the server's process group, or every process left of it.
func (s *server) signal(sig syscall.Signal) error {
	if s.isDetached() {
		return s.owner.SignalStrays(sig)
	}
	return s.process.Signal(sig)
}

// stopped tells whether one of the server's processes was stopped by a signal:
// it accepts connections then, and answers none.
func (s *server) stopped() bool {
	root := s.process.Pid()
	if s.isDetached() {
		root = os.Getpid()
	} else if process.Stopped(root) {
		return true
	}
	pids, err := process.Descendants(root)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(pids, process.Stopped)
}
