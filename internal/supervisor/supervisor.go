package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/control"
	"github.com/tarsregistry/tarsregistry/internal/logfile"
	"github.com/tarsregistry/tarsregistry/internal/process"
	"github.com/tarsregistry/tarsregistry/internal/readiness"
	"github.com/tarsregistry/tarsregistry/internal/registryclient"
	"github.com/tarsregistry/tarsregistry/internal/servernode"
)

// Run supervises until the server has been told to stop, by a signal received
// from signals, or has crashed too often. It returns the code to exit with: that
// of the server, or 128 + n when signal n ended it. An error means that
// supervision could not begin.
func Run(options Options, signals <-chan os.Signal) (int, error) {
	m, err := newMachine(options)
	if err != nil {
		return 1, err
	}
	defer m.close()
	m.forwardSignals(signals)
	return m.run(), nil
}

// newMachine takes away what an earlier life has left and opens what others
// connect to.
func newMachine(o Options) (_ *machine, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	m := &machine{
		Options: o, log: o.Logger, ctx: ctx, cancel: cancel,
		events: make(chan event), timers: make(map[timerName]*time.Timer),
	}
	m.worker = o.WorkerID
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	// Without this a container log that nobody reads any more would end the
	// supervisor, and with it the server.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	m.atClose(func() { signal.Stop(broken) })
	if m.owner, err = process.New(); err != nil {
		return nil, fmt.Errorf("supervise: %w", err)
	}
	if err := m.clearLeftovers(); err != nil {
		return nil, err
	}
	if err := m.openOutput(); err != nil {
		return nil, err
	}
	if err := m.listenForProbes(); err != nil {
		return nil, err
	}
	m.listenForCommands()
	m.listenAsNode()
	m.reporter = registryclient.NewReporter(o.Calls, o.Registration, o.ReportInterval)
	return m, nil
}

// clearLeftovers removes what would mislead this life: the state and the marker
// of a prestop of the last one on the same volume. data/stop stays: a person has
// put it there.
func (m *machine) clearLeftovers() error {
	if err := os.MkdirAll(m.Paths.Data(""), 0o755); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := readiness.Clear(m.Paths); err != nil {
		return fmt.Errorf("clear what the last life left: %w", err)
	}
	if err := os.Remove(m.Paths.Prestop()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear what the last life left: %w", err)
	}
	return nil
}

func (m *machine) openOutput() error {
	m.Start.Stdout, m.Start.Stderr = m.Stdout, m.Stderr
	if m.OutputLog == "" {
		return nil
	}
	file, err := logfile.Open(m.OutputLog, outputLogSize, outputLogFiles)
	if err != nil {
		return fmt.Errorf("keep the server's output: %w", err)
	}
	m.atClose(func() {
		if err := file.Close(); err != nil {
			m.log.Warn("close the server's output", "error", err)
		}
	})
	m.Start.Stdout, m.Start.Stderr = tee{m.Stdout, file}, tee{m.Stderr, file}
	return nil
}

func (m *machine) listenForProbes() error {
	if m.ProbePort == 0 {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(m.ctx, "tcp", ":"+strconv.Itoa(m.ProbePort))
	if err != nil {
		return fmt.Errorf("listen for probes (TARS_PROBE_PORT): %w", err)
	}
	server := &http.Server{
		Handler:           readiness.Handler(m.published.load, m.alive),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(m.log.Handler(), slog.LevelDebug),
	}
	m.group.Go(func() { _ = server.Serve(listener) }) // returns when it is closed
	m.atClose(func() { _ = server.Close() })          // its listener was open until now
	return nil
}

// listenForCommands goes on without a socket: SIGTERM does the same as prestop.
func (m *machine) listenForCommands() {
	server, err := control.Listen(m.Paths.Socket(), m.answerCommand)
	if err != nil {
		m.log.Warn("tarscli prestop cannot reach this supervisor", "error", err)
		return
	}
	m.atClose(server.Close)
}

func (m *machine) listenAsNode() {
	if m.NodeLocator == "" {
		return
	}
	node, err := servernode.Listen(m.ctx, m.NodeLocator, m.log)
	if err != nil {
		m.log.Warn("the server's keepalives to its node are not taken", "error", err)
		return
	}
	m.node = node
	m.atClose(node.Close)
}

func (m *machine) atClose(f func()) { m.closers = append(m.closers, f) }

// close ends what newMachine and run have started, the last first.
func (m *machine) close() {
	m.cancel()
	for _, f := range slices.Backward(m.closers) {
		f()
	}
	for _, t := range m.timers {
		t.Stop()
	}
	m.group.Wait()
	if m.owner == nil {
		return
	}
	// Nobody shall take this life's state for the next one's.
	if err := readiness.Clear(m.Paths); err != nil {
		m.log.Warn("clear the state", "error", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := m.owner.KillDescendants(ctx); err != nil {
		m.log.Error("end what is left", "error", err)
	}
	m.owner.Close()
}

func (m *machine) forwardSignals(signals <-chan os.Signal) {
	m.group.Go(func() {
		for {
			select {
			case s := <-signals:
				m.post(signalled{s})
			case <-m.ctx.Done():
				return
			}
		}
	})
}

// publishedStatus is the status as goroutines beside the machine's see it.
type publishedStatus struct {
	mu     sync.Mutex
	status readiness.Status
}

func (p *publishedStatus) load() readiness.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *publishedStatus) store(s readiness.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = s
}

// pulse is when the machine last handled an event.
type pulse struct{ nanoseconds atomic.Int64 }

func (p *pulse) beat() { p.nanoseconds.Store(time.Now().UnixNano()) }

func (p *pulse) age() time.Duration {
	return time.Duration(time.Now().UnixNano() - p.nanoseconds.Load())
}
