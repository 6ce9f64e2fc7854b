package behaviour

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/registryclient"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/tars"
)

// limited lets one registration a second in, which no machine is too slow to exceed.
func limited(o *registry.Options) { o.RegistrationRate = 1 }

// startupAs registers by a call of its own and gives the answer's status also where
// it is a refusal.
func (r *replica) startupAs(uid string, i instance) (map[string]string, error) {
	r.t.Helper()
	dialer := tarsclient.Dialer{Timeout: patience}
	response, err := dialer.Invoke(r.t.Context(), endpointOf(r.registry.Addresses().Pod), tarsclient.Request{
		Servant: podServant, Function: "onStartup", Body: body(r.t, i.startup()),
		Context: map[string]string{"tars-pod-uid": uid, "tars-pod-kind": "pod"},
	})
	return response.Status, err
}

// overLimit tells the refusal from a database that does not answer in time.
func overLimit(err error) bool {
	code, _ := refusal(err)
	return err != nil && code == -9
}

// retryAfter reads when to try again; it must be there, and be spread over 1 to 10 s.
func retryAfter(t *testing.T, status map[string]string) int {
	t.Helper()
	ms, err := strconv.Atoi(status["tars-retry-after-ms"])
	if err != nil || ms < 1000 || ms >= 10_000 {
		t.Errorf("the status says when to try again by %q", status)
	}
	return ms
}

// TestRegistrationRate: what comes beyond the limit is refused clearly and changes
// nothing, and nobody else notices.
func TestRegistrationRate(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r, began := d.start(limited), time.Now()
		i, late := pod("First", "10.12.0.1"), pod("Late", "10.12.0.2")
		r.as("uid-1").register(i)
		// As many until one is refused: that no other registration comes in between
		// shows in what is there afterwards.
		var status map[string]string
		var err error
		for range 100 {
			if status, err = r.startupAs("uid-1", i); overLimit(err) {
				break
			}
		}
		if code, text := refusal(err); code != -9 || !strings.Contains(text, "more than 1 registrations a second") {
			t.Fatalf("code %d, %q", code, text)
		}
		retryAfter(t, status)

		r.as("uid-1").beat(i, "inactive") // follows upon what may be under way still
		before := d.snapshot()
		spread := map[int]bool{}
		for len(spread) < 3 {
			status, err := r.startupAs("uid-2", late)
			if !overLimit(err) { // a second has passed
				r.as("uid-2").leave(late)
				before = d.snapshot()
				continue
			}
			spread[retryAfter(t, status)] = true
		}
		d.unchanged("after refused registrations", before)

		// All others go on, whether they write or not.
		equal(t, "action of a heartbeat", r.as("uid-1").beat(i, "active"), "")
		r.as("uid-1").beat(i, "inactive")
		r.wantFind(i.servant(), "/10.12.0.1:10000")
		r.as("uid-1").metrics(i, 9000)
		r.as("uid-1").leave(i)
		equal(t, "rows of who left", d.present(i), "none")

		if _, page := r.get("/metrics"); !regexp.MustCompile(`tarsregistry_calls_refused_total\{reason="registration-rate"\} [1-9]`).MatchString(page) {
			t.Error("no metric tells of refused registrations")
		}
		most := 1 + int(time.Since(began)/time.Minute)
		if count := strings.Count(r.log.String(), "registrations are refused"); count < 1 || count > most {
			t.Errorf("the log tells it %d times, want once a minute at most", count)
		}
		await(t, func() string {
			if _, err := r.startupAs("uid-2", late); err != nil {
				return err.Error()
			}
			return ""
		})
		r.wantFind(late.servant(), "10.12.0.2:10000/")
	})
}

// TestR5RegisterStorm: a few unknown pods are asked to register at once, more are
// told when, each another time.
func TestR5RegisterStorm(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start(limited)
		ask := func(n int) map[string]string {
			i := pod("Storm", fmt.Sprintf("10.12.%d.%d", 1+n/250, n%250+1))
			var status map[string]string
			equal(t, "action", r.old().patiently(func() (answer map[string]string, err error) {
				status, err = r.old().keepAlive(i.beat("active"))
				return status, err
			}), "register")
			return status
		}
		if status := ask(0); status["tars-retry-after-ms"] != "" {
			t.Errorf("the first of all is told to wait: %v", status)
		}
		spread := map[int]bool{}
		for n := 1; len(spread) < 5; n++ {
			if n > 1000 {
				t.Fatalf("of %d pods %d are told when to register", n, len(spread))
			}
			if status := ask(n); status["tars-retry-after-ms"] != "" {
				spread[retryAfter(t, status)] = true
			}
		}
		equal(t, "leases", d.text("SELECT COUNT(*) FROM t_registry_lease"), "0")
	})
}

// TestR5PodsTakeARefusalWell: more pods of our tarscli than are let in at a time all
// get in, by and by.
func TestR5PodsTakeARefusalWell(t *testing.T) {
	t.Parallel()
	d := sqlite(t)
	r := d.start(limited)
	const pods = 5
	locator, err := registryclient.ParseLocator("tars.tarsregistry.QueryObj@" + endpointOf(r.registry.Addresses().Query))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	registered := make(chan bool, pods)
	for n := range pods {
		i := pod("Patient", fmt.Sprintf("10.12.9.%d", n+1))
		reporter := registryclient.NewReporter(registryclient.New(registryclient.Config{
			Invoker: &tarsclient.Dialer{Timeout: patience}, Locator: locator,
			Node: i.node, Application: i.application, Server: i.server,
			Identity: naming.Identity{UID: fmt.Sprint("uid-", n), Kind: naming.KindPod}, Timeout: patience,
		}), *i.startup(func(req *tars.OnStartupReq) { req.State = "" }), 30*time.Second)
		reporter.Set(naming.Active)
		running.Go(func() { reporter.Run(ctx) })
		running.Go(func() {
			failed := false
			for {
				select {
				case event := <-reporter.Events():
					failed = failed || event.Kind == registryclient.Failing
					if event.Kind == registryclient.Registered {
						registered <- failed
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	refused := 0
	for range pods {
		select {
		case failed := <-registered:
			refused += map[bool]int{true: 1}[failed]
		case <-time.After(patience):
			t.Fatal("not all pods are registered")
		}
	}
	if refused == 0 {
		t.Error("no pod was refused: the test shows nothing")
	}
	var all []string
	for n := range pods {
		all = append(all, fmt.Sprintf("10.12.9.%d:10000", n+1))
	}
	r.wantFind("App.Patient.Obj", joined(all)+"/")
}
