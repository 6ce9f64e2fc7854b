package docs_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prelude stands for what the page's first step and the network bring: the
// module's requirements are taken from this repository's, so that nothing is
// downloaded. A script that fails tells its pod to end, and again: at once.
const prelude = `set -euo pipefail
trap 'for i in $(jobs -p); do kill $i || :; sleep 0.2; kill $i || :; done' EXIT
go() {
	case "$1" in
	mod) sed "s,^module .*,module $3," "$TARSREGISTRY/go.mod" >go.mod; cp "$TARSREGISTRY/go.sum" . ;;
	get) ;;
	*) command go "$@" ;;
	esac
}
`

// TestFirstServer does what the page says, word for word from its second step on.
func TestFirstServer(t *testing.T) {
	_, rest, found := strings.Cut(read(t, "first-server.md"), "\n## 2.")
	if !found {
		t.Fatal("the page has no second step")
	}
	var script strings.Builder
	script.WriteString(prelude)
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(rest, -1) {
		script.WriteString(block[1])
	}
	registry := startRegistry(t)
	words := strings.ReplaceAll(script.String(), "-h 127.0.0.1 -p 17890", "-h 127.0.0.1 -p "+portOf(t, registry.Query))
	if words == script.String() {
		t.Error("the page does not name the registry")
	}
	out := run(t, registry, words)
	for _, want := range []string{
		"ok       registry: ",
		"Demo.SumServer.SumObj: code 0",
		`"tars_ret": 3`,
		"tars.setloglevel INFO succ",
		"removed from the registry",
		"nobody serves it now",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if strings.Contains(out, "PROBLEM") {
		t.Error("doctor finds a problem")
	}
	if t.Failed() {
		t.Log(out)
	}
}

// addresses are those of registry.json, and the folder of its program.
type addresses struct {
	Query, HTTP string
	bin         string
}

// startRegistry builds the programs of the page's first step and runs a registry
// on free ports until the test ends.
func startRegistry(t *testing.T) addresses {
	t.Helper()
	bin, data := t.TempDir(), t.TempDir()
	build(t, "..", bin, "./cmd/...")
	build(t, "../tools", bin, "github.com/TarsCloud/TarsGo/tars/tools/tars2go")
	registry := exec.CommandContext(t.Context(), filepath.Join(bin, "registry"), "--data-dir", data,
		"--query-port=0", "--node-port=0", "--pod-port=0", "--http-port=0", "--admin-port=0")
	log := filepath.Join(t.TempDir(), "log")
	said, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	registry.Stdout, registry.Stderr = said, said
	if err := registry.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = registry.Wait() // killed, at the end
	}()
	t.Cleanup(func() {
		_ = registry.Process.Kill()
		<-ended
	})
	found := addresses{bin: bin}
	for {
		text, err := os.ReadFile(filepath.Join(data, "registry.json"))
		if err == nil && json.Unmarshal(text, &found) == nil {
			return found
		}
		select {
		case <-ended:
			t.Fatalf("the registry has ended: %s", read(t, log))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func build(t *testing.T, module, bin, packages string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", packages)
	command.Dir = module
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", packages, err, out)
	}
}

// run has bash do it, in the source folder of a user, and gives what was said.
func run(t *testing.T, registry addresses, script string) string {
	t.Helper()
	source, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "tarsregistry")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script)
	bash.WaitDelay = 20 * time.Second // for a pod that has to be told to end
	bash.Dir = home
	bash.Env = append(os.Environ(), "TARSREGISTRY="+source, "PATH="+registry.bin+":"+os.Getenv("PATH"),
		"TARS_REGISTRY_API=http://"+registry.HTTP)
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := bash.CombinedOutput()
	_ = syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) // what a failure left running
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
