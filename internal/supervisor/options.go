package supervisor

import (
	"io"
	"log/slog"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/health"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/process"
	"github.com/tarsregistry/tarsregistry/internal/registryclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Options is what a supervisor needs to know. Durations must be positive where
// not said otherwise.
type Options struct {
	Paths pod.Paths

	// Start is the server's command; its output is passed on to Stdout and
	// Stderr, and to the file OutputLog where that is not empty.
	Start          process.Command
	Stdout, Stderr io.Writer
	OutputLog      string
	// StopCommand is a shell command that stops the server; empty: ask its
	// AdminObj.
	StopCommand string
	// Admin is the endpoint of the server's AdminObj; empty: it has none.
	Admin string
	// Prepare is called before the server starts, with the worker id or "";
	// nil: nothing to prepare.
	Prepare func(workerID string) error
	// NodeLocator is the node that the server's configuration names; empty: none.
	NodeLocator string

	Registration tars.OnStartupReq
	Calls        registryclient.Calls
	// WorkerID is the id that is known beforehand. NeedWorkerID says that the
	// server must not start before the registry has leased one.
	WorkerID     string
	NeedWorkerID bool

	Targets       []health.Target
	CheckScript   string // shell command; empty: none
	ScriptTimeout time.Duration
	CheckInterval time.Duration
	// CheckRetry is how long checks must fail before an active server is
	// called inactive; never after a single one.
	CheckRetry        time.Duration
	ActivatingTimeout time.Duration
	ReportInterval    time.Duration
	// MaxRestarts in a row before the supervisor gives up; 0: no limit.
	MaxRestarts int

	// DrainWait is the longest wait for clients, 0 for none.
	DrainWait time.Duration
	// GracePeriod is the time from the order to leave to SIGKILL; 0: not known.
	GracePeriod time.Duration
	// ClientRefresh is how often clients refresh their lists of endpoints.
	ClientRefresh time.Duration

	// ProbePort serves /readyz and /healthz; 0: no port.
	ProbePort int
	Logger    *slog.Logger
}

// How long things may take that have no setting.
const (
	// bootWait is how long the server's start waits for the registry.
	bootWait = 10 * time.Second
	// longestWorkerWait is how long it waits for a worker id, or the activating
	// timeout where that is shorter.
	longestWorkerWait = time.Minute
	// checkTimeout bounds one look at all adapters.
	checkTimeout = 3 * time.Second
	// announceWait is how long the registry may take to commit deactivating
	// before the drain begins all the same.
	announceWait = 3 * time.Second
	// adminTimeout bounds one call to the server's AdminObj.
	adminTimeout = 2 * time.Second
	// refreshMargin is what a change needs to reach clients beside their
	// refresh interval: through the registry's replicas, and calls in flight.
	refreshMargin = 2 * time.Second
	// stopFilePoll is how often data/stop is looked for.
	stopFilePoll = time.Second
	// nodeSilence is how long a server that reports to its node may be silent.
	nodeSilence = time.Minute
	// outputLogSize and outputLogFiles bound the server's output in log/.
	outputLogSize  = 100 << 20
	outputLogFiles = 5
)
