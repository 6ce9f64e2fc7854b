//go:build !race

package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// operate runs tarscli against the registry and gives what it prints and its
// exit code.
func (p *process) operate(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), replica.Build(t, "cmd/tarscli", replica.BuildFlags()...), args...)
	command.Env = []string{"TARS_REGISTRY_API=http://" + p.addresses.HTTP}
	var out, errs strings.Builder
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("run tarscli: %v", err)
	}
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

func TestOperatorsCommands(t *testing.T) {
	p := serve(t, t.TempDir())
	pods := p.clients(t)
	mustRegister(t, pods, "127.0.0.1")
	const instance = "Demo.HelloServer@127.0.0.1"
	for _, test := range []struct {
		args string
		want []string // parts of what is printed
		code int
	}{
		{"list applications", []string{"Demo", "1 active"}, 0},
		{"list servers --application Demo", []string{"Demo.HelloServer"}, 0},
		{"list instances", []string{instance, "active", "live"}, 0},
		{"list instances -o wide", []string{"tcp -h 127.0.0.1 -p 18080"}, 0},
		{"list instances --state inactive", []string{"INSTANCE"}, 0},
		{"list objects --prefix Demo", []string{"Demo.HelloServer.HelloObj"}, 0},
		{"list nonsense", []string{"nonsense"}, 2},
		{"get " + instance, []string{"lease", "registered", "onStartup"}, 0},
		{"get Demo.HelloServer@127.0.0.9", []string{"no such instance"}, 1},
		{"get nonsense", []string{"App.Server@node"}, 2},
		{"lookup Demo.HelloServer.HelloObj", []string{"active", "18080"}, 0},
		{"flow off " + instance + " --reason test", []string{"is off"}, 0},
		{"lookup Demo.HelloServer.HelloObj", []string{"inactive", "no active endpoint"}, 1},
		{"flow on " + instance, []string{"is on"}, 0},
		{"lookup Demo.HelloServer.HelloObj --as 10.0.0.9", []string{"active"}, 0},
		{"events --kind flow", []string{"flow off: test", "flow on"}, 0},
		{"registries", []string{"tars.tarsregistry.QueryObj", "active"}, 0},
		{"protection", []string{"off"}, 0},
		{"clean", []string{"would remove 0 servers"}, 0},
		{"call tars.tarsregistry.QueryObj findObjectById {\"id\":\"Demo.HelloServer.HelloObj\"}", []string{"18080"}, 0},
		{"call tars.tarsregistry.QueryObj noSuchFunction {}", []string{"-3"}, 1},
		{"deregister " + instance, []string{"deregistered"}, 0},
		{"list instances", []string{"INSTANCE"}, 0},
	} {
		stdout, stderr, code := p.operate(t, strings.Fields(test.args)...)
		if code != test.code {
			t.Errorf("%s ended with %d, want %d: %s%s", test.args, code, test.code, stdout, stderr)
		}
		for _, want := range test.want {
			if !strings.Contains(stdout+stderr, want) {
				t.Errorf("%s does not print %q:\n%s%s", test.args, want, stdout, stderr)
			}
		}
	}
	stdout, _, _ := p.operate(t, "list", "instances", "-o", "json")
	var list []any
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list) != 0 {
		t.Errorf("after deregistering the list is %q (%v)", stdout, err)
	}
}
