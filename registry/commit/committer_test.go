package commit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

// onEachDatabase runs a test or benchmark on both.
func onEachDatabase[T interface {
	testing.TB
	Run(string, func(T)) bool
}](t T, test func(T, *store.Store)) {
	t.Helper()
	for name, config := range map[string]func(testing.TB) store.Config{
		"sqlite": func(t testing.TB) store.Config {
			return store.Config{Path: filepath.Join(t.TempDir(), "registry.db"), Replica: "test"}
		},
		"mariadb": func(t testing.TB) store.Config {
			return store.Config{DSN: mariadbtest.Database(t), Replica: "test"}
		},
	} {
		t.Run(name, func(t T) {
			s, err := store.Open(config(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}

var rules = transition.Rules{LeaseTTL: 95 * time.Second}

func registration(n int) *naming.Registration {
	node := fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	return &naming.Registration{
		Key:   naming.Key{Application: "App", Server: "Server", Node: node},
		State: naming.Active, ServerType: "tars_go",
		Adapters: []naming.Adapter{{
			Name: "App.Server.ObjAdapter", Servant: "App.Server.Obj", Protocol: "tars",
			Endpoint: "tcp -h " + node + " -p 10000 -t 60000",
		}},
	}
}

func register(n int) commit.Op {
	r := registration(n)
	return commit.Op{
		Scope: store.Scope{Keys: []naming.Key{r.Key}},
		Run: func(tx *store.Tx) error {
			kept := *r
			_, err := rules.Register(tx, &kept, transition.Caller{}, nil)
			return err
		},
	}
}

var errRefused = errors.New("refused")

// spoiled registers and then fails.
func spoiled(n int) commit.Op {
	op := register(n)
	run := op.Run
	op.Run = func(tx *store.Tx) error { return errors.Join(run(tx), errRefused) }
	return op
}

func TestNeighboursOfAFailingRequest(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, s *store.Store) {
		var published atomic.Int64
		c := commit.New(s, commit.Options{Publish: func(done *store.Commit) { published.Add(int64(len(done.Instances))) }})
		defer c.Close()
		const count = 200
		errs := make([]error, count)
		var callers sync.WaitGroup
		for n := range count {
			callers.Go(func() {
				op := register(n)
				if n%10 == 0 {
					op = spoiled(n)
				}
				errs[n] = c.Do(t.Context(), op)
			})
		}
		callers.Wait()
		snapshot, err := s.LoadAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, instance := range snapshot.Instances {
			there[instance.Node] = instance.Server != nil
		}
		for n, err := range errs {
			bad := n%10 == 0
			if errors.Is(err, errRefused) != bad || (err != nil) != bad {
				t.Errorf("request %d: %v", n, err)
			}
			if there[registration(n).Key.Node] == bad {
				t.Errorf("request %d failed %v and is in the tables %v", n, bad, !bad)
			}
		}
		if got := published.Load(); got != count*9/10 {
			t.Errorf("%d instances were published, want %d", got, count*9/10)
		}
	})
}

// blocked is a store whose transactions wait until the test lets them go.
type blocked struct{ let chan struct{} }

func (b blocked) Update(ctx context.Context, _ store.Scope, _ func(*store.Tx) error) (*store.Commit, error) {
	select {
	case <-b.let:
		return &store.Commit{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestWhoHasGivenUpIsLeftOut(t *testing.T) {
	b := blocked{let: make(chan struct{})}
	c := commit.New(b, commit.Options{Timeout: time.Minute})
	first := make(chan error, 1)
	go func() { first <- c.Do(t.Context(), register(1)) }()
	if err := c.Do(canceled(t), register(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	b.let <- struct{}{}
	if err := <-first; err != nil {
		t.Errorf("who waited got %v", err)
	}
	closed := make(chan struct{})
	go func() { defer close(closed); c.Close() }() // would hang if what was given up were committed
	<-closed
	if err := c.Do(t.Context(), register(4)); !errors.Is(err, commit.ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}

// held is a store whose transactions wait, rows locked, until they are let go.
type held struct {
	commit.Store
	locked, proceed chan struct{}
}

func (h held) Update(ctx context.Context, scope store.Scope, fn func(*store.Tx) error) (*store.Commit, error) {
	return h.Store.Update(ctx, scope, func(tx *store.Tx) error {
		h.locked <- struct{}{}
		<-h.proceed
		return fn(tx)
	})
}

// TestWhoGivesUpBeforeTheRowsAreLocked: a request whose caller was told that it had
// failed is not carried out late, when the caller may have gone on elsewhere.
func TestWhoGivesUpBeforeTheRowsAreLocked(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, s *store.Store) {
		h := held{s, make(chan struct{}), make(chan struct{})}
		c := commit.New(h, commit.Options{})
		ctx, giveUp := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() { failed <- c.Do(ctx, register(1)) }()
		<-h.locked
		giveUp()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up was told %v", err)
		}
		h.proceed <- struct{}{}
		c.Close()
		snapshot, err := s.LoadAll(t.Context())
		if err != nil || len(snapshot.Instances) != 0 {
			t.Errorf("carried out all the same: %d instances, %v", len(snapshot.Instances), err)
		}
	})
}

func canceled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func BenchmarkRegister(b *testing.B) {
	onEachDatabase(b, func(b *testing.B, s *store.Store) {
		for _, kind := range []string{"new", "again"} {
			b.Run(kind, func(b *testing.B) {
				c := commit.New(s, commit.Options{})
				defer c.Close()
				var next atomic.Int64
				b.SetParallelism(32)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						n := int(next.Add(1))
						if kind == "again" {
							n %= 1000
						} else {
							n += 1 << 18 * b.N % (1 << 22)
						}
						if err := c.Do(b.Context(), register(n)); err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "registrations/s")
			})
		}
	})
}
