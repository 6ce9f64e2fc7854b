package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/clean"
	"github.com/tarsregistry/tarsregistry/registry/roster"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/sweep"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// service stands for the registry behind the API.
type service struct {
	events []naming.Event
	fail   error
	asked  []string
}

func (s *service) EventHistory(_ context.Context, filter store.EventFilter) ([]naming.Event, error) {
	var found []naming.Event
	for _, event := range s.events {
		if event.ID > filter.After && (filter.Server == "" || filter.Server == event.Key.Server) {
			found = append(found, event)
		}
	}
	if filter.After == 0 {
		slices.Reverse(found)
	}
	return found[:min(len(found), filter.Limit)], s.fail
}

func (s *service) LoadWhole(_ context.Context, key naming.Key) (*naming.Instance, error) {
	return &naming.Instance{Key: key}, s.fail
}

func (s *service) Registries(context.Context) ([]naming.RegistryEntry, error) {
	return []naming.RegistryEntry{{Locator: "a:1", Servant: "S", PresentState: naming.Active}}, s.fail
}

func (s *service) note(format string, args ...any) error {
	s.asked = append(s.asked, fmt.Sprintf(format, args...))
	return s.fail
}

func (s *service) SetFlow(_ context.Context, key naming.Key, on bool, reason, _ string) error {
	return s.note("flow %s %v %s", key, on, reason)
}

func (s *service) Deregister(_ context.Context, key naming.Key, reason, _ string) error {
	return s.note("deregister %s %s", key, reason)
}

func (s *service) Clean(_ context.Context, request clean.Request) (clean.Report, error) {
	return clean.Report{DryRun: request.DryRun}, s.note("clean %v", request.DryRun)
}

func (s *service) ReleaseProtection(context.Context, string) error { return s.note("release") }

func instance(server, node string, state naming.State) *naming.Instance {
	return &naming.Instance{
		Key:      naming.Key{Application: "App", Server: server, Node: node},
		Server:   &naming.Server{SettingState: naming.Active, PresentState: state},
		Adapters: []naming.Adapter{{Name: "a", Servant: "App." + server + ".Obj", Endpoint: "tcp -h " + node + " -p 80"}},
		Lease:    &naming.Lease{State: naming.LeaseLive, Revision: 1, WorkerID: transition.NoWorker},
	}
}

func serve(t testing.TB, s *service, instances ...*naming.Instance) http.Handler {
	t.Helper()
	known := roster.New()
	known.Committed(instances, nil)
	table := routing.NewTable(routing.Options{})
	table.Replace(routing.Contents{Instances: instances})
	return New(Options{
		Roster: known, Pictures: table, History: s, Operator: s,
		Protection: func() sweep.Protection { return sweep.Protection{Sweeper: "another"} },
		Status:     func() Status { return Status{Version: "test", State: "ready"} },
		Logger:     slog.New(slog.DiscardHandler),
	})
}

func call(t testing.TB, handler http.Handler, method, target, body string) (int, map[string]any) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	var decoded map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &decoded); err != nil {
		t.Fatalf("%s %s: %v in %s", method, target, err, recorder.Body)
	}
	return recorder.Code, decoded
}

// nodes gives the nodes of a page of instances.
func nodes(body map[string]any) []string {
	var list []string
	items, _ := body["items"].([]any)
	for _, item := range items {
		fields, _ := item.(map[string]any)
		list = append(list, fmt.Sprint(fields["server"], "@", fields["node"]))
	}
	return list
}

func TestInstancesAreFilteredAndPaged(t *testing.T) {
	handler := serve(t, &service{}, instance("One", "10.0.0.1", naming.Active), instance("One", "10.0.0.2", naming.Inactive),
		instance("Two", "10.0.0.1", naming.Active))
	for target, want := range map[string][]string{
		"/api/v1/instances":                                {"One@10.0.0.1", "One@10.0.0.2", "Two@10.0.0.1"},
		"/api/v1/instances?server=one":                     {"One@10.0.0.1", "One@10.0.0.2"},
		"/api/v1/instances?state=active&server=One":        {"One@10.0.0.1"},
		"/api/v1/instances?lease=expired":                  nil,
		"/api/v1/instances?limit=2":                        {"One@10.0.0.1", "One@10.0.0.2"},
		"/api/v1/instances?limit=2&after=App.One@10.0.0.2": {"Two@10.0.0.1"},
	} {
		code, body := call(t, handler, "GET", target, "")
		if got := nodes(body); code != 200 || !slices.Equal(got, want) {
			t.Errorf("%s: %d %v, want %v", target, code, got, want)
		}
	}
	_, body := call(t, handler, "GET", "/api/v1/instances?limit=2", "")
	if body["next"] != "App.One@10.0.0.2" {
		t.Errorf("next is %v", body["next"])
	}
}

func TestProblems(t *testing.T) {
	s := &service{}
	handler := serve(t, s, instance("One", "10.0.0.1", naming.Active))
	const one = "/api/v1/instances/App/One/10.0.0.1"
	for _, test := range []struct {
		method, target, body string
		fail                 error
		status               int
	}{
		{"GET", "/api/v1/nothing", "", nil, 404},
		{"GET", "/api/v1/instances?limit=0", "", nil, 400},
		{"GET", "/api/v1/instances?limit=x", "", nil, 400},
		{"GET", "/api/v1/instances/App/One/10.0.0.9", "", nil, 404},
		{"GET", "/api/v1/objects/App.None.Obj", "", nil, 404},
		{"GET", "/api/v1/events?after=x", "", nil, 400},
		{"PUT", one + "/flow", `{"flow":"maybe"}`, nil, 400},
		{"PUT", one + "/flow", `{"flow":"off","colour":1}`, nil, 400},
		{"PUT", one + "/flow", `{"flow":"off"}`, transition.ErrUnknown, 404},
		{"PUT", one + "/flow", `{"flow":"off"}`, transition.ErrNotPod, 409},
		{"PUT", one + "/flow", `{"flow":"off"}`, store.ErrUnavailable, 503},
		{"PUT", one + "/flow", `{"flow":"off"}`, errors.New("secret detail"), 500},
		{"DELETE", one + "?reason=a%0Ab", "", nil, 400},
		{"GET", "/api/v1/registries", "", store.ErrUnavailable, 503},
	} {
		s.fail = test.fail
		status, body := call(t, handler, test.method, test.target, test.body)
		if status != test.status || body["status"] != float64(test.status) || body["detail"] == "" {
			t.Errorf("%s %s %s: %d %v, want %d", test.method, test.target, test.body, status, body, test.status)
		}
		if detail := fmt.Sprint(body["detail"]); strings.Contains(detail, "secret") {
			t.Errorf("an internal error was told: %s", detail)
		}
	}
}

func TestChangesReachTheOperator(t *testing.T) {
	s := &service{}
	handler := serve(t, s, instance("One", "10.0.0.1", naming.Active))
	call(t, handler, "PUT", "/api/v1/instances/App/One/10.0.0.1/flow", `{"flow":"off","reason":"test"}`)
	call(t, handler, "DELETE", "/api/v1/instances/App/One/10.0.0.1?reason=gone", "")
	call(t, handler, "POST", "/api/v1/clean", "")
	call(t, handler, "POST", "/api/v1/clean", `{"dryRun":false}`)
	call(t, handler, "POST", "/api/v1/protection/release", "")
	want := []string{"flow App.One@10.0.0.1 false test", "deregister App.One@10.0.0.1 gone", "clean true", "clean false", "release"}
	if !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
}

func TestProtectionNamesTheReplicaThatSweeps(t *testing.T) {
	status, body := call(t, serve(t, &service{}), "GET", "/api/v1/protection", "")
	if status != 200 || body["sweeping"] != false || body["sweeper"] != "another" {
		t.Errorf("%d %v", status, body)
	}
}

// TestNothingIsKnownBeforeTheFirstPicture: a registry that has not reached its
// database must not look like one where nobody is registered.
func TestNothingIsKnownBeforeTheFirstPicture(t *testing.T) {
	s := &service{}
	handler := New(Options{
		Roster: roster.New(), Pictures: routing.NewTable(routing.Options{}), History: s, Operator: s,
		Protection: func() sweep.Protection { return sweep.Protection{} },
		Status:     func() Status { return Status{Version: "test", State: "starting"} },
		Logger:     slog.New(slog.DiscardHandler),
	})
	for _, path := range []string{"applications", "servers", "instances", "instances/App/One/a", "objects", "objects/App.One.Obj", "badrows"} {
		if status, body := call(t, handler, "GET", "/api/v1/"+path, ""); status != 503 || body["items"] != nil {
			t.Errorf("%s: %d %v", path, status, body)
		}
	}
}

// TestProblemsSayWhatTheyMean: what was not found is said once, and a question
// does not speak of changes.
func TestProblemsSayWhatTheyMean(t *testing.T) {
	for _, test := range []struct {
		fail           error
		method, target string
		status         int
		want, not      string
	}{
		{fmt.Errorf("App.One@a: %w", transition.ErrUnknown), "DELETE", "instances/App/One/a", 404, "no such instance", "App.One"},
		{fmt.Errorf("App.One@a: %w", transition.ErrNotPod), "DELETE", "instances/App/One/a", 409, "App.One@a: the instance is not a pod's", "deregister"},
		{store.ErrUnavailable, "DELETE", "instances/App/One/a", 503, "nothing was changed", "memory"},
		{store.ErrUnavailable, "GET", "registries", 503, "not reachable", "changed"},
	} {
		status, body := call(t, serve(t, &service{fail: test.fail}), test.method, "/api/v1/"+test.target, "")
		detail := fmt.Sprint(body["detail"])
		if status != test.status || !strings.Contains(detail, test.want) || strings.Contains(detail, test.not) {
			t.Errorf("%s %s: %d %q", test.method, test.target, status, detail)
		}
	}
}

func TestInstanceIsShownWithoutTheDatabase(t *testing.T) {
	s := &service{fail: store.ErrUnavailable}
	status, body := call(t, serve(t, s, instance("One", "10.0.0.1", naming.Active)), "GET", "/api/v1/instances/app/one/10.0.0.1", "")
	if status != 200 || body["presentState"] != "active" || body["missing"] == "" {
		t.Errorf("%d %v", status, body)
	}
}

func TestLookupTellsReasons(t *testing.T) {
	handler := serve(t, &service{}, instance("One", "10.0.0.1", naming.Active), instance("One", "10.0.0.2", naming.Inactive))
	status, body := call(t, handler, "GET", "/api/v1/objects/App.One.Obj?as=10.0.0.9", "")
	endpoints, _ := body["endpoints"].([]any)
	if status != 200 || len(endpoints) != 2 {
		t.Fatalf("%d %v", status, body)
	}
	for _, endpoint := range endpoints {
		if fields, _ := endpoint.(map[string]any); fields["reason"] == "" {
			t.Errorf("no reason: %v", fields)
		}
	}
}

func TestDescriptionMatchesTheHandlers(t *testing.T) {
	var document struct {
		Paths map[string]map[string]any
	}
	if err := yaml.Unmarshal(description, &document); err != nil {
		t.Fatal(err)
	}
	described := []string{}
	for path, methods := range document.Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" /api/v1"+path)
		}
	}
	handled := []string{"GET /api/v1/events/stream", "GET /api/v1/openapi.yaml"}
	for pattern := range new(api).routes() {
		handled = append(handled, pattern)
	}
	slices.Sort(described)
	slices.Sort(handled)
	if !slices.Equal(described, handled) {
		t.Errorf("described:\n%s\nhandled:\n%s", strings.Join(described, "\n"), strings.Join(handled, "\n"))
	}
}

func TestStreamSendsEachEventOnce(t *testing.T) {
	s := &service{}
	for id := range int64(3) {
		s.events = append(s.events, naming.Event{ID: id + 1, Kind: naming.EventState, Key: naming.Key{Server: "One"}})
	}
	server := httptest.NewServer(serve(t, s))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v1/events/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Last-Event-ID", "1")
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var ids []string
	lines := bufio.NewScanner(response.Body)
	for len(ids) < 2 && lines.Scan() {
		if id, found := strings.CutPrefix(lines.Text(), "id: "); found {
			ids = append(ids, id)
		}
	}
	if !slices.Equal(ids, []string{"2", "3"}) {
		t.Errorf("after event 1 the feed sent %v (%v)", ids, lines.Err())
	}
}

func BenchmarkInstances(b *testing.B) {
	instances := make([]*naming.Instance, 100_000)
	for i := range instances {
		instances[i] = instance(fmt.Sprint("Server", i%1000), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), naming.Active)
	}
	handler := serve(b, &service{}, instances...)
	for _, target := range []string{"/api/v1/instances?server=Server7", "/api/v1/instances", "/api/v1/applications"} {
		b.Run(target, func(b *testing.B) {
			for b.Loop() {
				call(b, handler, "GET", target, "")
			}
		})
	}
}
