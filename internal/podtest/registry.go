//go:build linux

package podtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Call is one call that a Registry took.
type Call struct {
	At       time.Time
	Function string
	Node     string
	State    string
	Context  map[string]string
	Request  tars.OnStartupReq // of onStartup
}

func (c Call) String() string { return strings.TrimSpace(c.Function + " " + c.State) }

// Registry is a registry that knows only the five methods of pods and one of
// look-ups, and remembers every call. It is safe for concurrent use.
type Registry struct {
	t      testing.TB
	port   int
	mu     sync.Mutex
	server *rpc.Server
	calls  []Call
	status func(Call) map[string]string
	fail   error
	hang   chan struct{}
}

// NewRegistry starts a registry on 127.0.0.1.
func NewRegistry(t testing.TB) *Registry {
	r := &Registry{t: t, port: mariadbtest.Port(t)}
	r.Start()
	t.Cleanup(r.Stop)
	return r
}

// Port is where it listens, for look-ups and for pods.
func (r *Registry) Port() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.port
}

// Locator is how pods find it.
func (r *Registry) Locator() string {
	return fmt.Sprintf("tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p %d", r.Port())
}

// Start starts it, again on the port it had.
func (r *Registry) Start() {
	r.t.Helper()
	server := rpc.NewServer(rpc.Options{Linger: time.Millisecond})
	var err error
	// A process that another test is just starting holds what was listened on here
	// until it has become its own program.
	Eventually(r.t, "the registry's port to be free", func() bool {
		_, err = server.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", r.Port()), rpc.ListenOptions{},
			rpc.Servant{Name: "tars.tarsregistry.Registry", Dispatch: rpc.Generated(tars.NewTarsregistry(), pods{r})},
			rpc.Servant{Name: "tars.tarsregistry.QueryObj", Functions: []string{"findObjectByIdInSameGroup"},
				Dispatch: rpc.Generated(tars.NewQueryF(), lookups{QueryFServantWithContext: nil, r: r})},
		)
		return !errors.Is(err, syscall.EADDRINUSE)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server = server
}

// Stop stops it; pods find nobody then.
func (r *Registry) Stop() {
	r.mu.Lock()
	server := r.server
	r.server = nil
	if r.hang != nil {
		close(r.hang)
		r.hang = nil
	}
	r.mu.Unlock()
	if server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// What is cut off is what the test wants.
	_ = server.Shutdown(ctx)
}

// Answer makes every answer carry the status that f gives, nil for none.
func (r *Registry) Answer(f func(Call) map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = f
}

// Fail makes every call of a pod fail with err, or work again with nil.
func (r *Registry) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// Hang makes calls of pods wait until it is called with false, or Stop.
func (r *Registry) Hang(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on {
		r.hang = make(chan struct{})
	} else if r.hang != nil {
		close(r.hang)
		r.hang = nil
	}
}

// Calls are those taken so far, of all pods or of one node.
func (r *Registry) Calls(node string) []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Call
	for _, c := range r.calls {
		if node == "" || c.Node == node {
			list = append(list, c)
		}
	}
	return list
}

// Story is what a node told, without repetitions: "onStartup activating",
// "keepAlive active", … A slow start's heartbeats are left out, and so are
// reports that arrive after a later one: a supervisor that has something new to
// say drops the call under way, and registries ignore it by its number (R8).
func (r *Registry) Story(node string) []string {
	var story []string
	var last int64
	for _, c := range r.Calls(node) {
		number, err := strconv.ParseInt(c.Context["tars-seq"], 10, 64)
		if begins := c.Function == "onStartup"; err == nil && number < last && !begins {
			continue
		} else if err == nil {
			last = number
		}
		if text := c.String(); text != "keepAlive activating" {
			story = append(story, text)
		}
	}
	return slices.Compact(story)
}

// take remembers a call and answers it.
func (r *Registry) take(ctx context.Context, c Call) error {
	call, _ := rpc.CallFromContext(ctx)
	c.At, c.Context = time.Now(), call.Context()
	r.mu.Lock()
	hang, fail, status := r.hang, r.fail, r.status
	r.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	if fail != nil {
		return fail
	}
	r.mu.Lock()
	r.calls = append(r.calls, c)
	r.mu.Unlock()
	if status != nil {
		for key, value := range status(c) {
			call.SetStatus(key, value)
		}
	}
	return nil
}

type pods struct{ r *Registry }

func (p pods) OnStartup(ctx context.Context, q *tars.OnStartupReq) error {
	return p.r.take(ctx, Call{Function: "onStartup", Node: q.NodeName, State: q.State, Request: *q})
}

func (p pods) OnPrestop(ctx context.Context, q *tars.OnPrestopReq) error {
	return p.r.take(ctx, Call{Function: "onPrestop", Node: q.NodeName})
}

func (p pods) KeepAlive(ctx context.Context, q *tars.KeepAliveReq) error {
	return p.r.take(ctx, Call{Function: "keepAlive", Node: q.NodeName, State: q.State})
}

func (p pods) RegisterMetrics(ctx context.Context, q *tars.RegisterMetricsReq) error {
	return p.r.take(ctx, Call{Function: "registerMetrics", Node: q.NodeName})
}

func (p pods) GetMetricsAdapters(context.Context, *tars.GetMetricsAdaptersReq, *[]tars.MetricsAdapterInfo) error {
	return nil
}

// lookups answers for the registry's own servants.
type lookups struct {
	tars.QueryFServantWithContext // only the function below is ever called
	r                             *Registry
}

func (l lookups) FindObjectByIdInSameGroup(_ context.Context, id string, active, inactive *[]tars.EndpointF) (int32, error) {
	if strings.HasPrefix(id, "tars.tarsregistry.") {
		*active = []tars.EndpointF{{Host: "127.0.0.1", Port: int32(l.r.Port()), Timeout: 3000, Istcp: 1}}
	}
	return 0, nil
}

// addresses gives each pod of a test binary a loopback address of its own.
var addresses struct {
	mu   sync.Mutex
	next byte
}

func newAddress() string {
	addresses.mu.Lock()
	defer addresses.mu.Unlock()
	addresses.next++
	return netip.AddrFrom4([4]byte{127, 0, 77, addresses.next}).String()
}
