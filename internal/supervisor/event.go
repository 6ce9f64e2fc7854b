package supervisor

import (
	"errors"
	"os"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/drain"
)

// event is something that the machine's goroutine handles: one of the types
// below, or a registryclient.Event.
type event any

type (
	// signalled: somebody sent this program a signal.
	signalled struct{ signal os.Signal }
	// exited: nothing of the server runs any more.
	exited struct{ server *server }
	// checked: a look at the server's health is over; err says what is wrong.
	checked struct {
		server *server
		err    error
	}
	// fired: a timer has.
	fired struct {
		timer timerName
		timed *time.Timer
	}
	// asked: a command came over the socket.
	asked struct{ request *request }
	// drainSaid and drained come from the wait for clients.
	drainSaid struct{ progress drain.Progress }
	drained   struct{ outcome drain.Outcome }
	// serverStopped: the stopper is done.
	serverStopped struct{}
)

// timerName is what a timer is for; there is at most one for each.
type timerName int

const (
	bootTimer     timerName = iota // the registry had its time
	workerTimer                    // the registry had its time for a worker id
	restartTimer                   // the server may start again
	checkTimer                     // it is time to look at the server's health
	touchTimer                     // check_status must look fresh
	announceTimer                  // the registry had its time to take deactivating
	removeTimer                    // the registry had its time to remove the instance
	deadlineTimer                  // leaving must be over
)

// request is a command that was asked for over the socket.
type request struct {
	say  chan string // lines of progress; full means slow, and lines are dropped
	done chan error  // the result, once; has room for it
}

func newRequest() *request {
	return &request{say: make(chan string, 16), done: make(chan error, 1)}
}

func (r *request) tell(text string) {
	select {
	case r.say <- text:
	default:
	}
}

// lastResult is the result of a request when the machine has ended.
func (r *request) lastResult() error {
	select {
	case err := <-r.done:
		return err
	default:
		return errors.New("the supervisor has ended")
	}
}
