package registryclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Config is what a Client needs to know. All but Invoker, Locator and the three
// names of the instance may be zero.
type Config struct {
	Invoker Invoker
	Locator Locator
	// Node, Application and Server name the instance.
	Node, Application, Server string
	Identity                  naming.Identity
	// Beat is the interval of heartbeats that the registry is told.
	Beat time.Duration
	// Token is the registry's shared secret; it is never logged.
	Token string
	// Timeout of one attempt at one endpoint; 1 s.
	Timeout time.Duration
	// Cache is a file that keeps the registry's endpoints for the next life.
	Cache  string
	Logger *slog.Logger
}

// Client makes the calls of one instance, each to one endpoint after the other
// until one answers. It is safe for concurrent use.
type Client struct {
	config   Config
	finder   *finder
	sequence atomic.Int64
	worker   atomic.Pointer[string]
	leased   atomic.Bool // the worker id is the registry's
}

// New makes a client; it connects to nothing.
func New(c Config) *Client {
	if c.Timeout <= 0 {
		c.Timeout = time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	client := &Client{config: c, finder: &finder{
		invoker: c.Invoker, locator: c.Locator, cache: c.Cache, node: c.Node, timeout: c.Timeout, log: c.Logger,
	}}
	// Numbers that begin at the time of day go on growing when the container
	// is restarted and its identity stays the same (R8).
	client.sequence.Store(time.Now().UnixMilli())
	return client
}

// wantWorker asks for a worker id.
const wantWorker = "want"

// WantWorkerID makes every later call ask for a worker id; when one is leased,
// later calls say so.
func (c *Client) WantWorkerID() { c.leased.Store(true); c.setWorker(wantWorker) }

// HoldWorkerID makes every later call say which worker id the instance has by
// itself, so that the registry leases it to nobody else.
func (c *Client) HoldWorkerID(id string) { c.setWorker(id) }

func (c *Client) setWorker(value string) { c.worker.Store(&value) }

// Answer is what the registry says beside yes.
type Answer struct {
	// Action is "", "register", "left" or "superseded" (R5, R6).
	Action string
	// WorkerID is the id leased to the instance, or empty.
	WorkerID string
	// RetryAfter is when to try again, 0 where it does not matter.
	RetryAfter time.Duration
}

// Startup registers the instance. Names in the request are filled in.
func (c *Client) Startup(ctx context.Context, request tars.OnStartupReq) (Answer, error) {
	request.NodeName, request.Application, request.Server = c.config.Node, c.config.Application, c.config.Server
	return c.call(ctx, "onStartup", func(ctx context.Context, stub *tars.Tarsregistry, maps ...map[string]string) error {
		return stub.OnStartupWithContext(ctx, &request, maps...)
	})
}

// KeepAlive is a heartbeat with the instance's state.
func (c *Client) KeepAlive(ctx context.Context, state naming.State) (Answer, error) {
	request := tars.KeepAliveReq{NodeName: c.config.Node, State: string(state), Application: c.config.Application, Server: c.config.Server}
	return c.call(ctx, "keepAlive", func(ctx context.Context, stub *tars.Tarsregistry, maps ...map[string]string) error {
		return stub.KeepAliveWithContext(ctx, &request, maps...)
	})
}

// Prestop removes the instance.
func (c *Client) Prestop(ctx context.Context) (Answer, error) {
	request := tars.OnPrestopReq{NodeName: c.config.Node, Application: c.config.Application, Server: c.config.Server}
	return c.call(ctx, "onPrestop", func(ctx context.Context, stub *tars.Tarsregistry, maps ...map[string]string) error {
		return stub.OnPrestopWithContext(ctx, &request, maps...)
	})
}

type stubCall func(ctx context.Context, stub *tars.Tarsregistry, maps ...map[string]string) error

// call tries the endpoints in turn. An answer that says no ends it, unless
// another replica may say yes. Where none does, the answer has the longest time
// that one of them asked for.
func (c *Client) call(ctx context.Context, function string, call stubCall) (Answer, error) {
	candidates := c.finder.candidates(ctx)
	var failures []error
	var retryAfter time.Duration
	for _, at := range candidates {
		answer, err := c.callAt(ctx, at, call)
		if err == nil {
			c.finder.answered(at)
			return answer, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", at.Address(), err))
		if final(err) {
			c.finder.answered(at)
			return answer, fmt.Errorf("%s: %s: %w", function, at.Address(), err)
		}
		retryAfter = max(retryAfter, answer.RetryAfter)
		if ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() == nil {
		c.finder.failed()
	}
	return Answer{RetryAfter: retryAfter}, fmt.Errorf("%s: %w", function, errors.Join(failures...))
}

func (c *Client) callAt(ctx context.Context, at naming.Endpoint, call stubCall) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	one := &servant{invoker: c.config.Invoker, object: RegistryObject, at: at}
	stub := tars.NewTarsregistry()
	stub.SetServant(one)
	err := call(ctx, stub, c.requestContext())
	answer := readAnswer(one.status)
	if answer.WorkerID != "" && c.leased.Load() {
		c.setWorker(answer.WorkerID)
	}
	return answer, err
}

// requestContext holds the keys of extensions.md; registries that do not know
// them pass them over.
func (c *Client) requestContext() map[string]string {
	m := map[string]string{
		"node_name": c.config.Node,
		"tars-seq":  strconv.FormatInt(c.sequence.Add(1), 10),
	}
	set := func(key, value string) {
		if value != "" {
			m[key] = value
		}
	}
	set("tars-pod-uid", c.config.Identity.UID)
	set("tars-pod-kind", string(c.config.Identity.Kind))
	set("tars-token", c.config.Token)
	if c.config.Beat > 0 {
		set("tars-beat-ms", strconv.FormatInt(c.config.Beat.Milliseconds(), 10))
	}
	if worker := c.worker.Load(); worker != nil {
		set("tars-worker", *worker)
	}
	return m
}

func readAnswer(status map[string]string) Answer {
	answer := Answer{Action: status["tars-action"], WorkerID: status["tars-worker-id"]}
	// A value that cannot be read counts as none: the client has a pace of its own.
	if ms, err := strconv.ParseInt(status["tars-retry-after-ms"], 10, 32); err == nil && ms > 0 {
		answer.RetryAfter = time.Duration(ms) * time.Millisecond
	}
	return answer
}
