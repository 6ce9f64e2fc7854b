package registryclient

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// registry is a fake that takes calls in the bubble's time.
type registry struct {
	mu     sync.Mutex
	start  time.Time
	calls  []string
	times  []time.Duration
	away   bool
	hang   bool
	answer func(function string) (Answer, error)
}

func (r *registry) take(ctx context.Context, call string) (Answer, error) {
	r.mu.Lock()
	r.calls = append(r.calls, call)
	r.times = append(r.times, time.Since(r.start))
	away, hang, answer := r.away, r.hang, r.answer
	r.mu.Unlock()
	if hang {
		<-ctx.Done()
		return Answer{}, ctx.Err()
	}
	if away {
		return Answer{}, errors.New("connection refused")
	}
	if answer != nil {
		return answer(call)
	}
	return Answer{}, nil
}

func (r *registry) Startup(ctx context.Context, q tars.OnStartupReq) (Answer, error) {
	return r.take(ctx, "onStartup "+q.State)
}

func (r *registry) KeepAlive(ctx context.Context, s naming.State) (Answer, error) {
	return r.take(ctx, "keepAlive "+string(s))
}

func (r *registry) Prestop(ctx context.Context) (Answer, error) { return r.take(ctx, "onPrestop") }

func (r *registry) set(change func(*registry)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func (r *registry) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.calls
	r.calls, r.times = nil, nil
	return list
}

// run starts a reporter whose events are collected.
func run(t *testing.T, fake *registry, state naming.State) (*Reporter, func() []Kind) {
	t.Helper()
	fake.start = time.Now()
	r := NewReporter(fake, tars.OnStartupReq{}, 30*time.Second)
	r.Set(state)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { r.Run(ctx) })
	var mu sync.Mutex
	var kinds []Kind
	group.Go(func() {
		for {
			select {
			case e := <-r.Events():
				mu.Lock()
				kinds = append(kinds, e.Kind)
				mu.Unlock()
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { cancel(); group.Wait() })
	return r, func() []Kind {
		mu.Lock()
		defer mu.Unlock()
		list := kinds
		kinds = nil
		return list
	}
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestLifeOfAReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{}
		r, kinds := run(t, fake, naming.Activating)
		synctest.Wait()
		expect(t, "at first", fake.took(), []string{"onStartup activating"})
		r.Set(naming.Active)
		synctest.Wait()
		expect(t, "when it changes", fake.took(), []string{"keepAlive active"})
		time.Sleep(91 * time.Second)
		expect(t, "at every beat", fake.took(), []string{"keepAlive active", "keepAlive active", "keepAlive active"})
		r.Set(naming.Deactivating)
		synctest.Wait()
		expect(t, "leaving", fake.took(), []string{"keepAlive deactivating"})
		r.Remove()
		synctest.Wait()
		expect(t, "at the end", fake.took(), []string{"onPrestop"})
		if got := kinds(); !slices.Equal(got, []Kind{Registered, Reported, Reported, Removed}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestRegistryAwayAtBootAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{away: true}
		r, kinds := run(t, fake, naming.Activating)
		time.Sleep(time.Minute)
		if n := len(fake.took()); n < 10 || n > 40 {
			t.Errorf("%d attempts in a minute", n)
		}
		r.Set(naming.Active)
		synctest.Wait() // the attempt that the change makes
		fake.took()
		fake.set(func(f *registry) { f.away = false })
		time.Sleep(10 * time.Second)
		expect(t, "when it is back", fake.took(), []string{"onStartup active"})

		fake.set(func(f *registry) { f.away = true })
		r.Set(naming.Inactive)
		time.Sleep(5 * time.Second)
		r.Set(naming.Active)
		r.Set(naming.Inactive)
		synctest.Wait()
		fake.took()
		fake.set(func(f *registry) { f.away = false })
		time.Sleep(10 * time.Second)
		expect(t, "what was missed", fake.took(), []string{"keepAlive inactive"})
		if got := kinds(); !slices.Equal(got, []Kind{Failing, Recovered, Registered, Failing, Recovered, Reported}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestAnotherReasonIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{away: true}
		_, kinds := run(t, fake, naming.Activating)
		time.Sleep(20 * time.Second)
		refuse := func(text string) {
			fake.set(func(f *registry) {
				f.away = false
				f.answer = func(string) (Answer, error) { return Answer{}, &tarsclient.ServerError{Code: 1, Text: text} }
			})
			time.Sleep(20 * time.Second)
		}
		refuse("adapters[0].endpoint is empty")
		refuse("the database is away")
		if got := kinds(); !slices.Equal(got, []Kind{Failing, Failing, Failing}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestAHangingRegistryDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{}
		r, _ := run(t, fake, naming.Activating)
		synctest.Wait()
		fake.took()
		fake.set(func(f *registry) { f.hang = true })
		r.Set(naming.Active)
		synctest.Wait()
		fake.set(func(f *registry) { f.hang = false })
		// The call under way says what is not true any more: it is given up.
		r.Set(naming.Deactivating)
		synctest.Wait()
		if got := fake.took(); len(got) != 2 || got[1] != "keepAlive deactivating" {
			t.Errorf("calls %q", got)
		}
	})
}

func TestLostRegistrationComesBackWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := true
		fake := &registry{}
		fake.answer = func(call string) (Answer, error) {
			if lost && strings.HasPrefix(call, "keepAlive") {
				lost = false
				return Answer{Action: "register", RetryAfter: 10 * time.Second}, nil
			}
			return Answer{}, nil
		}
		_, kinds := run(t, fake, naming.Active)
		time.Sleep(31 * time.Second)
		expect(t, "before the time", fake.took(), []string{"onStartup active", "keepAlive active"})
		time.Sleep(8 * time.Second)
		expect(t, "too early", fake.took(), nil)
		time.Sleep(7 * time.Second)
		expect(t, "after it", fake.took(), []string{"onStartup active"})
		if got := kinds(); !slices.Equal(got, []Kind{Registered, Lost, Registered}) {
			t.Errorf("events %v", got)
		}
	})
}

// TestRefusedRegistrationWaitsAsLongAsToldAndNoLonger: a registry that takes no
// more registrations for now says when to come again. Neither a change of state
// nor the client's own pace brings the pod back sooner, and leaving is never held up.
func TestRefusedRegistrationWaitsAsLongAsToldAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{answer: func(string) (Answer, error) {
			return Answer{RetryAfter: 8 * time.Second}, &tarsclient.ServerError{Code: -9, Text: "overloaded"}
		}}
		r, kinds := run(t, fake, naming.Activating)
		synctest.Wait()
		expect(t, "at first", fake.took(), []string{"onStartup activating"})
		r.Set(naming.Active)
		time.Sleep(7 * time.Second)
		expect(t, "before the time", fake.took(), nil)
		time.Sleep(6 * time.Second)
		expect(t, "after it", fake.took(), []string{"onStartup active"})
		fake.set(func(f *registry) { f.answer = nil })
		time.Sleep(13 * time.Second)
		expect(t, "when it is taken", fake.took(), []string{"onStartup active"})
		if got := kinds(); !slices.Equal(got, []Kind{Failing, Recovered, Registered}) {
			t.Errorf("events %v", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{answer: func(call string) (Answer, error) {
			if strings.HasPrefix(call, "onStartup") {
				return Answer{RetryAfter: 8 * time.Second}, &tarsclient.ServerError{Code: -9}
			}
			return Answer{}, nil
		}}
		r, _ := run(t, fake, naming.Activating)
		synctest.Wait()
		fake.took()
		r.Remove()
		synctest.Wait()
		expect(t, "leaving while refused", fake.took(), []string{"onPrestop"})
	})
}

func TestWhoIsEndedStopsBeating(t *testing.T) {
	for _, action := range []string{"left", "superseded"} {
		synctest.Test(t, func(t *testing.T) {
			fake := &registry{answer: func(call string) (Answer, error) {
				if strings.HasPrefix(call, "keepAlive") {
					return Answer{Action: action}, nil
				}
				return Answer{}, nil
			}}
			r, kinds := run(t, fake, naming.Active)
			time.Sleep(5 * time.Minute)
			r.Set(naming.Inactive)
			r.Remove()
			time.Sleep(time.Minute)
			expect(t, action, fake.took(), []string{"onStartup active", "keepAlive active"})
			if got := kinds(); !slices.Equal(got, []Kind{Registered, Ended, Removed}) {
				t.Errorf("%s: events %v", action, got)
			}
		})
	}
}

func TestWhoIsLostWhileLeavingDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{answer: func(call string) (Answer, error) {
			if strings.HasSuffix(call, "deactivating") {
				return Answer{Action: "register"}, nil
			}
			return Answer{}, nil
		}}
		r, kinds := run(t, fake, naming.Active)
		synctest.Wait()
		r.Set(naming.Deactivating)
		time.Sleep(5 * time.Minute)
		expect(t, "calls", fake.took(), []string{"onStartup active", "keepAlive deactivating"})
		if got := kinds(); !slices.Equal(got, []Kind{Registered, Reported}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestWhoNeverCameNeedNotLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{}
		fake.start = time.Now()
		r := NewReporter(fake, tars.OnStartupReq{}, 30*time.Second)
		r.Set(naming.Deactivating)
		go r.Run(t.Context())
		time.Sleep(time.Minute)
		expect(t, "deactivating", fake.took(), nil)
		r.Remove()
		if e := <-r.Events(); e.Kind != Removed {
			t.Errorf("event %+v", e)
		}
		expect(t, "removed", fake.took(), nil)
	})
}

func TestWorkerIDIsToldWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{answer: func(string) (Answer, error) { return Answer{WorkerID: "12"}, nil }}
		_, kinds := run(t, fake, naming.Activating)
		time.Sleep(2 * time.Minute)
		if got := kinds(); !slices.Equal(got, []Kind{Worker, Registered}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestPromptRemovalAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &registry{}
		r, _ := run(t, fake, naming.Activating)
		synctest.Wait()
		fake.took()
		fake.set(func(f *registry) { f.away = true })
		r.Remove()
		time.Sleep(time.Second)
		fake.set(func(f *registry) { f.away = false })
		time.Sleep(3 * time.Second)
		if got := fake.took(); len(got) < 2 || got[len(got)-1] != "onPrestop" {
			t.Errorf("calls %q", got)
		}
	})
}
