package pod

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// env looks variables up in "NAME=value" words.
func env(words ...string) Lookup {
	return func(name string) (string, bool) {
		for _, w := range words {
			if n, v, _ := strings.Cut(w, "="); n == name {
				return v, true
			}
		}
		return "", false
	}
}

func mustRead(t *testing.T, words ...string) *Environment {
	t.Helper()
	e, err := ReadEnvironment(env(words...))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestDefaults(t *testing.T) {
	e := mustRead(t)
	want := Environment{
		Paths: Paths{"/tars"}, Namespace: "tars-system", RandomPortMin: 13000, RandomPortMax: 16000,
		StartPath: e.Paths.Bin("start.sh"), ReportInterval: 30 * time.Second, CheckInterval: 10 * time.Second,
		CheckScriptTimeout: 2 * time.Second, CheckRetryTimeout: 5 * time.Second, ActivatingTimeout: 5 * time.Minute,
		PrestopWait: 80 * time.Second, SyncTargetDirectory: e.Paths.Bin(""),
	}
	if got := fmt.Sprintf("%+v", *e); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got\n%s\nwant\n%+v", got, want)
	}
}

func TestVariables(t *testing.T) {
	e := mustRead(t, "TARS_PATH=/srv", "TARS_EP_UPTIME=60000", "TARS_PRESTOP_WAITTIME=0", "TARS_GRACE_PERIOD=30",
		"TARS_DISABLE_FLOW=0", "TARS_WORKER_ID=auto", "TARS_NAMESPACE= ns\n", "TARS_SERVER=", "POD_UID=a", "TARS_POD_UID=b",
		"TARS_ACTIVATING_TIMEOUT=1d", "TARS_REPORT_INTERVAL=1m30s", "TARS_MAX_RESTARTS=3", "TARS_PROBE_PORT=8080")
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"start path", e.StartPath, Paths{"/srv"}.Bin("start.sh")},
		{"bare milliseconds", e.RefreshInterval, time.Minute},
		{"no wait", e.PrestopWait, time.Duration(0)},
		{"wait set", e.PrestopWaitSet, true},
		{"bare seconds of the manifest", e.GracePeriod, 30 * time.Second},
		{"any value", e.DisableFlow, true},
		{"auto", e.WorkerID, WorkerID{Auto: true}},
		{"trimmed", e.Namespace, "ns"},
		{"empty is not set", e.Server, ""},
		{"ours first", e.UID, "b"},
		{"days", e.ActivatingTimeout, 24 * time.Hour},
		{"minutes", e.ReportInterval, 90 * time.Second},
		{"restarts", e.MaxRestarts, 3},
		{"port", e.ProbePort, 8080},
		{"warnings", len(e.Warnings), 0},
	} {
		if check.got != check.want {
			t.Errorf("%s: %v, want %v", check.what, check.got, check.want)
		}
	}
}

func TestBadVariables(t *testing.T) {
	tests := []struct{ word, want string }{
		{"TARS_REPORT_INTERVAL=30", `TARS_REPORT_INTERVAL is "30": it has no unit: write 30s or 30ms`},
		{"TARS_CHECK_INTERVAL=0", "TARS_CHECK_INTERVAL is 0; it must be longer"},
		{"TARS_CHECK_INTERVAL=-1s", `TARS_CHECK_INTERVAL is "-1s": it must not be negative`},
		{"TARS_PRESTOP_WAITTIME=soon", `TARS_PRESTOP_WAITTIME is "soon": it is no duration: write 30s, 500ms or 5m`},
		{"TARS_EP_UPTIME=0", `TARS_EP_UPTIME is "0": it must be 1 ms or more`},
		{"TARS_EP_UPTIME=x", `TARS_EP_UPTIME is "x": it is no length of time: write milliseconds, or 10s`},
		{"TARS_EP_UPTIME=1us", `TARS_EP_UPTIME is "1us": it is not a whole number of milliseconds`},
		{"TARS_EP_UPTIME=9999h", `TARS_EP_UPTIME is "9999h": it is too long`},
		{"TARS_RAND_PORT_MIN=17000", "TARS_RAND_PORT_MIN is 17000, more than TARS_RAND_PORT_MAX, 16000"},
		{"TARS_RAND_PORT_MAX=70000", "TARS_RAND_PORT_MAX is 70000; it must be between 1 and 65535"},
		{"TARS_PROBE_PORT=http", `TARS_PROBE_PORT is "http", not a whole number`},
		{"TARS_WORKER_ID=-1", `TARS_WORKER_ID is "-1"; it must be a number from 0, or auto`},
	}
	var all, wanted []string
	for _, tt := range tests {
		_, err := ReadEnvironment(env(tt.word))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.word, err, tt.want)
		}
		if !strings.HasPrefix(tt.word, "TARS_EP") && !strings.HasPrefix(tt.word, "TARS_CHECK") && !strings.HasPrefix(tt.word, "TARS_RAND") {
			all, wanted = append(all, tt.word), append(wanted, tt.want)
		}
	}
	_, err := ReadEnvironment(env(all...))
	for _, want := range wanted {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("all at once: %v lacks %s", err, want)
		}
	}
}

func TestUnitMistakesWarn(t *testing.T) {
	for word, want := range map[string]string{
		"TARS_EP_UPTIME=10":          "TARS_EP_UPTIME is 10ms: a bare number is in milliseconds; for 10 seconds write 10s",
		"TARS_PRESTOP_WAITTIME=80ms": "TARS_PRESTOP_WAITTIME is 80ms; check its unit (30s is thirty seconds)",
		"TARS_REPORT_INTERVAL=30h":   "TARS_REPORT_INTERVAL is 30h0m0s; check its unit (30s is thirty seconds)",
	} {
		if e := mustRead(t, word); len(e.Warnings) != 1 || e.Warnings[0] != want {
			t.Errorf("%s: %q, want %q", word, e.Warnings, want)
		}
	}
}

func TestTokenIsNeverPrinted(t *testing.T) {
	e := mustRead(t, "TARS_TOKEN=s3cret")
	if string(e.Token) != "s3cret" {
		t.Fatalf("the token was lost: %q", string(e.Token))
	}
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "token", e.Token, "env", e)
	encoded, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{b.String(), string(encoded), fmt.Sprintf("%v %+v %#v %s %q", e.Token, *e, *e, e.Token, e.Token)} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("printed: %s", text)
		}
	}
}

func TestOrdinal(t *testing.T) {
	for name, want := range map[string]int{
		"web-0": 0, "web-12": 12, "a-b-9999": 9999,
		"web": -1, "web-01": -1, "web-5d4f8c7b9d-24567": -1, "web-x7k2p": -1, "-1": -1, "web-": -1, "web--1": 1,
	} {
		got, ok := mustRead(t, "HOSTNAME="+name).Ordinal()
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: %d, %t; want %d", name, got, ok, want)
		}
	}
}

func FuzzParseMilliseconds(f *testing.F) {
	for _, s := range []string{"60000", "10s", "1d", "-1", "1.5s", "9223372036854775807s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMilliseconds(s)
		if err == nil && m.Duration().Milliseconds() != int64(m) {
			t.Errorf("%q is %d ms and %s", s, m, m.Duration())
		}
		if d, err := ParseDuration(s); err == nil && d < 0 {
			t.Errorf("%q is %s", s, d)
		}
	})
}
