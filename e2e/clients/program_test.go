package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// language is an implementation of Tars: how its client and server are started.
type language struct {
	name   string
	client func(t *testing.T, config string) *replica.Process
	server func(t *testing.T, config string) *replica.Process
}

func languages() []language {
	tarsgo := func(program string) func(*testing.T, string) *replica.Process {
		return func(t *testing.T, config string) *replica.Process {
			t.Helper()
			// Not with the race detector: TarsGo has races of its own.
			return replica.Run(t, replica.Build(t, "e2e/clients/testdata/"+program), "--config", config)
		}
	}
	node := func(script string) func(*testing.T, string) *replica.Process {
		return func(t *testing.T, config string) *replica.Process {
			t.Helper()
			program, err := exec.LookPath("node")
			if err != nil {
				t.Fatalf("%v: `make deps` installs it", err)
			}
			if _, err := os.Stat(filepath.Join("node", "node_modules", "@tars", "rpc")); err != nil {
				t.Fatalf("%v: `make deps` fetches what the scripts need", err)
			}
			return replica.Run(t, program, filepath.Join("node", script), config)
		}
	}
	return []language{
		{"TarsGo", tarsgo("client"), tarsgo("server")},
		{"Tars.js", node("client.js"), node("server.js")},
	}
}

// client is a program that calls the servant all the time.
type client struct{ *replica.Process }

// seen is what a client says of its calls.
type seen struct {
	Servers map[string]int `json:"servers"` // calls that each answered
	Callers []int          `json:"callers"` // calls that each has made
	Failed  int            `json:"failed"`
	Errors  []string       `json:"errors"`
}

func (s seen) calls() (n int) {
	for _, calls := range s.Servers {
		n += calls
	}
	return n
}

// seen gives the newest line.
func (c client) seen() (seen, error) {
	text := c.Stdout.Tail(2)
	end := strings.LastIndexByte(text, '\n')
	if end < 0 {
		return seen{}, fmt.Errorf("the client has said nothing but %q", text)
	}
	line := text[strings.LastIndexByte(text[:end], '\n')+1 : end]
	var s seen
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		return seen{}, fmt.Errorf("the client says %q: %w", line, err)
	}
	return s, nil
}

// awaitCalled waits until each of the hosts, and nobody else, is called: they
// answered since, and no other did while they answered many. No caller still waits
// for another: each has made some calls meanwhile.
func (c client) awaitCalled(t *testing.T, hosts ...string) {
	t.Helper()
	const many, some = 100, 20
	var base seen
	replica.Eventually(t, patience, fmt.Sprintf("the client calls %v only", hosts), func() error {
		now, err := c.seen()
		if err != nil {
			return err
		}
		want := map[string]bool{}
		for _, host := range hosts {
			want[host] = true
		}
		for host, calls := range now.Servers {
			if !want[host] && calls != base.Servers[host] {
				base = now
				return fmt.Errorf("%s is called", host)
			}
		}
		for host := range want {
			if now.Servers[host] < base.Servers[host]+many {
				return fmt.Errorf("%s is not called: %+v, before %+v", host, now, base)
			}
		}
		for caller, calls := range now.Callers {
			if base.Callers != nil {
				calls -= base.Callers[caller]
			}
			if calls < some {
				return fmt.Errorf("caller %d waits: %+v, before %+v", caller, now, base)
			}
		}
		return nil
	})
}

// mustHaveLostNothing fails the test if a call failed.
func (c client) mustHaveLostNothing(t *testing.T, after string) {
	t.Helper()
	now, err := c.seen()
	if err != nil {
		t.Fatal(err)
	}
	if now.Failed > 0 {
		t.Fatalf("%d of %d calls had failed after %s: %q", now.Failed, now.Failed+now.calls(), after, now.Errors)
	}
}
