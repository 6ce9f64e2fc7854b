//go:build !race

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/tars"
)

func TestStartServeStop(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, d database) {
		p := d.serve(t)
		a := p.addresses
		for name, address := range map[string]string{"query": a.Query, "node": a.Node, "pod": a.Pod, "http": a.HTTP, "admin": a.Admin} {
			if !strings.HasPrefix(address, "127.0.0.1:") {
				t.Errorf("%s is at %q, which is not on loopback", name, address)
			}
			replica.Eventually(t, patience, "the start message says where "+name+" is", func() error {
				if !strings.Contains(p.Stdout.String(), address) {
					return fmt.Errorf("%s is not in it", address)
				}
				return nil
			})
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			_ = conn.Close()
		}
		c := p.clients(t)
		mustRegister(t, c, "10.0.0.1")
		active, _, err := c.find("Demo.HelloServer.HelloObj")
		if err != nil || !slices.Equal(active, []string{"10.0.0.1:18080"}) {
			t.Errorf("found %q, %v", active, err)
		}
		p.stop(t)
		if _, err := replica.ReadAddresses(p.dataDir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("registry.json is still there: %v", err)
		}
	})
}

// mustRegister registers as pods do, which try again: a busy machine may not commit
// in the time that the registry keeps them waiting. Each context, of which there may
// be none, is new for each call.
func mustRegister(t *testing.T, c *clients, node string, contexts ...func() map[string]string) {
	t.Helper()
	replica.Eventually(t, patience, "register "+node, func() error {
		var made []map[string]string
		for _, context := range contexts {
			made = append(made, context())
		}
		return c.pods.OnStartup(hello(node), made...)
	})
}

// TestKill9LosesNothingAcknowledged: what was answered before a kill -9 is
// there after the next start.
func TestKill9LosesNothingAcknowledged(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, d database) {
		p := d.serve(t)
		c := p.clients(t)
		for i := range 20 {
			mustRegister(t, c, fmt.Sprintf("10.0.0.%d", i+1))
		}
		report := &tars.KeepAliveReq{NodeName: "10.0.0.1", Application: "Demo", Server: "HelloServer", State: "inactive"}
		replica.Eventually(t, patience, "report a state", func() error { return c.pods.KeepAlive(report) })
		prestop := &tars.OnPrestopReq{NodeName: "10.0.0.2", Application: "Demo", Server: "HelloServer"}
		replica.Eventually(t, patience, "leave", func() error { return c.pods.OnPrestop(prestop) })
		p.Kill()
		if left, err := replica.ReadAddresses(p.dataDir); err != nil || left.PID != p.PID() {
			t.Errorf("what a kill leaves behind is not as documented: %+v, %v", left, err)
		}

		again := d.serve(t)
		active, _, err := again.clients(t).find("Demo.HelloServer.HelloObj")
		if err != nil || len(active) != 18 || slices.Contains(active, "10.0.0.1:18080") || slices.Contains(active, "10.0.0.2:18080") {
			t.Errorf("found %q, %v; want 10.0.0.3 to 10.0.0.20", active, err)
		}
		again.stop(t)
	})
}

func TestSecondRegistryOnOneFolder(t *testing.T) {
	d := database{dataDir: t.TempDir()}
	first := d.serve(t)
	second := launch(t, d.dataDir, anyPorts()...)
	if code := second.ExitCode(t, time.Minute); code != 1 || !strings.Contains(second.Stderr.String(), "another registry") {
		t.Errorf("code %d, %s", code, second.Stderr.String())
	}
	if a, err := replica.ReadAddresses(first.dataDir); err != nil || a.PID != first.PID() {
		t.Errorf("the first one's registry.json is %+v, %v", a, err)
	}
	mustRegister(t, first.clients(t), "10.0.0.1")
	first.stop(t)
}

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	p := launch(t, t.TempDir(), append(anyPorts(), "--pod-port="+port)...)
	if code := p.ExitCode(t, time.Minute); code != 1 || !strings.Contains(p.Stderr.String(), "address already in use") {
		t.Errorf("code %d, %s", code, p.Stderr.String())
	}
	if _, err := replica.ReadAddresses(p.dataDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("registry.json is there: %v", err)
	}
}

func TestBadSettingEndsAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := launch(t, dir, "--lease-ttl", "soon")
	code, stderr := p.ExitCode(t, time.Minute), p.Stderr.String()
	if code != 2 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, `--lease-ttl is "soon"`) {
		t.Errorf("code %d, %q", code, stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the data folder was made")
	}
}

// TestPasswordIsNeverSaid: whatever is wrong with a database, its password is
// in no output.
func TestPasswordIsNeverSaid(t *testing.T) {
	const password = "hunter2"
	for name, dsn := range map[string]string{
		"refused":    "root:" + password + "@tcp(127.0.0.1:1)/db_tars",
		"unreadable": "root:" + password + "@127.0.0.1:1/db_tars",
	} {
		t.Run(name, func(t *testing.T) {
			p := launch(t, t.TempDir(), append(anyPorts(), "--log-level=debug", "--dsn", dsn)...)
			replica.Eventually(t, time.Minute, "the registry says what is wrong", func() error {
				if p.Stderr.String() == "" {
					return errors.New("nothing yet")
				}
				return nil
			})
			p.Signal(t, syscall.SIGINT)
			p.ExitCode(t, time.Minute)
			if text := p.Said(); strings.Contains(text, password) {
				t.Errorf("the password is in\n%s", text)
			}
		})
	}
}

// TestStopUnderLoad: a steady load of calls does not hold SIGTERM up, and what
// was answered well is in the tables.
func TestStopUnderLoad(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, d database) {
		p := d.serve(t)
		c := p.clients(t)
		c.pods.TarsSetTimeout(3000) // nobody answers the last calls
		const callers = 8
		registered := make(chan []string, callers)
		for caller := range callers {
			go func() {
				var mine []string
				for i := 0; p.Runs(); i++ {
					node := fmt.Sprintf("10.%d.%d.%d", caller, i/250, i%250+1)
					if c.pods.OnStartup(hello(node)) == nil {
						mine = append(mine, node)
					}
				}
				registered <- mine
			}()
		}
		db := d.open(t)
		replica.Eventually(t, time.Minute, "the load has begun", func() error {
			if n := count(t, db, "SELECT COUNT(*) FROM t_server_conf"); n < 100 {
				return fmt.Errorf("%d rows", n)
			}
			return nil
		})
		p.stop(t)
		stored, err := rows(db, "SELECT node_name FROM t_server_conf")
		if err != nil {
			t.Fatal(err)
		}
		for range callers {
			for _, node := range <-registered {
				if _, found := slices.BinarySearch(stored, node+"|"); !found {
					t.Errorf("%s was acknowledged and is not there", node)
				}
			}
		}
	})
}

func TestStartByTarsConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tarsregistry.conf")
	text := `<tars><application><server>
local=tcp -h 127.0.0.1 -p 0 -t 3000
logLevel=INFO
<QueryAdapter>
endpoint=tcp -h 127.0.0.1 -p 0 -t 60000
servant=tars.tarsregistry.QueryObj
</QueryAdapter>
<PodAdapter>
endpoint=tcp -h 127.0.0.1 -p 0 -t 60000
servant=tars.tarsregistry.Registry
</PodAdapter>
</server></application></tars>
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, t.TempDir(), "--config", path, "--http-port=off")
	p.awaitServing(t)
	if a := p.addresses; a.Query == "" || a.Pod == "" || a.Admin == "" || a.Node != "" || a.HTTP != "" {
		t.Errorf("addresses %+v", a)
	}
	mustRegister(t, p.clients(t), "10.0.0.1")
	p.stop(t)
}

func TestShutdownByAdminCommand(t *testing.T) {
	d := database{dataDir: t.TempDir()}
	p := d.serve(t)
	if err := p.clients(t).admin.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if code := p.ExitCode(t, time.Minute); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestMigrateCommand(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, d database) {
		migrate := func(what string) string {
			t.Helper()
			args := []string{"migrate", what}
			if d.dsn != "" {
				args = append(args, "--dsn", d.dsn)
			}
			p := launch(t, d.dataDir, args...)
			if code := p.ExitCode(t, time.Minute); code != 0 {
				t.Fatalf("migrate %s: code %d, %s", what, code, p.Stderr.String())
			}
			return p.Stdout.String()
		}
		if text := migrate("status"); !strings.Contains(text, "version 0 of") {
			t.Errorf("an empty database: %s", text)
		}
		for range 2 {
			if text := migrate("up"); !strings.Contains(text, "up to date") {
				t.Errorf("migrate up: %s", text)
			}
		}
		if text := migrate("status"); !strings.Contains(text, "up to date") {
			t.Errorf("migrate status: %s", text)
		}
		p := d.serve(t, "--no-migrate")
		mustRegister(t, p.clients(t), "10.0.0.1")
		p.stop(t)
	})
}
