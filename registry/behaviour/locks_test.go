package behaviour

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// lockOf is an instance's request for its server's lock.
func lockOf(i instance) *tars.GetMasterSlaveLock {
	return &tars.GetMasterSlaveLock{Application: i.application, Server_name: i.server, Node_name: i.node, Timeout: 60_000}
}

// lock asks until the database has answered, as servers do: -1 says that it did not in
// time.
func (r *replica) lock(request *tars.GetMasterSlaveLock) (code int32) {
	r.t.Helper()
	await(r.t, func() string {
		var err error
		if code, err = r.lookups().GetLocker(request); err != nil {
			r.t.Fatalf("getLocker: %v", err)
		}
		return map[bool]string{true: "getLocker finds no database"}[code == -1]
	})
	return code
}

// awaitLock asks as servers do, again and again, until the answer is that.
func (r *replica) awaitLock(request *tars.GetMasterSlaveLock, want int32) {
	r.t.Helper()
	await(r.t, func() string {
		if code := r.lock(request); code != want {
			return fmt.Sprintf("getLocker of %s is answered with %d, not %d", request.Node_name, code, want)
		}
		return ""
	})
}

// TestR34Lock: one holder, who renews by asking again; freed when the holder leaves
// or expires; the other's routes follow where that is asked for.
func TestR34Lock(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		one, two, three := pod("Lock", "10.14.0.1"), pod("Lock", "10.14.0.2"), pod("Lock", "10.14.0.3")
		for _, i := range []instance{one, two, three} {
			r.as("uid-" + i.node).register(i)
		}
		switching := func(i instance) *tars.GetMasterSlaveLock {
			request := lockOf(i)
			request.BakType = 1
			return request
		}
		r.awaitLock(switching(one), 0)
		equal(t, "the second", r.lock(switching(two)), 1)
		equal(t, "the first again", r.lock(switching(one)), 0)
		r.awaitFind(one.servant(), "10.14.0.1:10000/")
		r.as("uid-" + one.node).leave(one)
		r.awaitLock(switching(two), 0)
		equal(t, "the third", r.lock(switching(three)), 1)
		r.awaitFind(one.servant(), "10.14.0.2:10000/10.14.0.1:10000")
		d.expire(two, "30")
		r.awaitFind(one.servant(), "/10.14.0.1:10000 10.14.0.2:10000")
		d.exec("UPDATE t_registry_lock SET holder = ''") // as the sweep does, which here another replica has done
		r.awaitLock(switching(three), 0)
		equal(t, "locks", d.text("SELECT COUNT(*) FROM t_registry_lock"), "1")
	})
}

// TestR34BadInput: what cannot be right is answered with 2 and leaves no trace, also
// under ever new names (R29).
func TestR34BadInput(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Lock", "10.14.1.1")
		r.as("uid-1").register(i)
		before := d.snapshot()
		for what, spoil := range map[string]func(*tars.GetMasterSlaveLock){
			"nothing":      func(l *tars.GetMasterSlaveLock) { *l = tars.GetMasterSlaveLock{} },
			"no timeout":   func(l *tars.GetMasterSlaveLock) { l.Timeout = 0 },
			"999 ms":       func(l *tars.GetMasterSlaveLock) { l.Timeout = 999 },
			"over 10 min":  func(l *tars.GetMasterSlaveLock) { l.Timeout = 600_001 },
			"negative":     func(l *tars.GetMasterSlaveLock) { l.Timeout = -1 << 31 },
			"bakType 3":    func(l *tars.GetMasterSlaveLock) { l.BakType = 3 },
			"bakType -1":   func(l *tars.GetMasterSlaveLock) { l.BakType = -1 },
			"another node": func(l *tars.GetMasterSlaveLock) { l.Node_name = "10.14.1.9" },
		} {
			request := lockOf(i)
			spoil(request)
			equal(t, what, r.lock(request), 2)
		}
		for field, limit := range map[string]int{"application": 50, "server": 128, "node": 50} {
			for what, value := range required(badNames(limit)) {
				request := lockOf(i)
				*map[string]*string{"application": &request.Application, "server": &request.Server_name, "node": &request.Node_name}[field] = value
				equal(t, field+" "+what, r.lock(request), 2)
			}
		}
		for n := range 200 {
			equal(t, "an unknown server", r.lock(lockOf(pod(fmt.Sprint("Nobody", n), i.node))), 2)
		}
		d.unchanged("after bad requests", before)
		equal(t, "locks", d.text("SELECT COUNT(*) FROM t_registry_lock"), "0")
		r.awaitLock(lockOf(i), 0)
	})
}

// TestR29Subscriptions: what cannot be an object, and the 1,001st of a connection, is
// refused; other connections and look-ups go on, and a closed one makes room.
func TestR29Subscriptions(t *testing.T) {
	t.Parallel()
	d := sqlite(t)
	r := d.start()
	i := pod("Told", "10.14.2.1")
	r.as("uid-1").register(i)
	dialer := tarsclient.Dialer{Timeout: patience}
	dial := func() *tarsclient.Conn {
		conn, err := dialer.Dial(t.Context(), endpointOf(r.registry.Addresses().Query))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	subscribe := func(conn *tarsclient.Conn, function, id string) int32 {
		t.Helper()
		arguments := wire.AppendString(wire.AppendString(nil, 1, id), 2, "somebody")
		if function == "registerChange" {
			arguments = wire.AppendString(wire.AppendMapHead(nil, 1, 0), 2, id)
		}
		response, err := conn.Invoke(t.Context(), tarsclient.Request{Servant: "tars.tarsregistry.QueryObj", Function: function, Body: arguments})
		if err != nil {
			t.Fatal(err)
		}
		reader := wire.NewReader(response.Body)
		return reader.OptionalInt32(0, 0)
	}
	conn := dial()
	for what, id := range map[string]string{
		"empty": "", "too long": strings.Repeat("x", 129), "9 MB": huge(), "NUL": "App.Told.\x00", "a line feed": "App.Told.Obj\n", "not UTF-8": "App.\xff",
	} {
		equal(t, "registerQuery with "+what, subscribe(conn, "registerQuery", id), -1)
	}
	equal(t, "registerChange with a long name", subscribe(conn, "registerChange", huge()), 0)
	for n := range 999 {
		if code := subscribe(conn, "registerQuery", fmt.Sprint("App.Told.Obj", n)); code != 0 {
			t.Fatalf("subscription %d is refused: %d", n+2, code)
		}
	}
	equal(t, "the 1,001st", subscribe(conn, "registerQuery", "App.Told.More"), -1)
	equal(t, "one of the 1,000 again", subscribe(conn, "registerQuery", "App.Told.Obj5"), 0)
	equal(t, "another connection's", subscribe(dial(), "registerQuery", "App.Told.More"), 0)
	r.wantFind(i.servant(), "10.14.2.1:10000/")
}

// TestR29LabelsAndTables: whatever is asked for, metrics have no more lines for it.
func TestR29LabelsAndTables(t *testing.T) {
	t.Parallel()
	d := sqlite(t)
	r := d.start()
	// Those of statements, events and flushes come with time, whatever is asked for.
	oneOfTheNames := regexp.MustCompile(`name[0-9]`)
	series := func() (lines int, names string) {
		_, page := r.get("/metrics")
		for line := range strings.Lines(page) {
			switch {
			case oneOfTheNames.MatchString(line):
				names += line
			case strings.HasPrefix(line, "tarsregistry_call"), strings.HasPrefix(line, "tarsregistry_rejected"),
				strings.HasPrefix(line, "tarsregistry_connections"), strings.HasPrefix(line, "tarsregistry_frames"):
				lines++
			}
		}
		return lines, names
	}
	round := func(from, to int) {
		for n := from; n < to; n++ {
			name := fmt.Sprint("name", n)
			for address, servants := range map[string][]string{
				r.registry.Addresses().Pod:   {podServant, "tars." + name},
				r.registry.Addresses().Query: {"tars.tarsregistry.QueryObj", name},
				r.registry.Addresses().Node:  {"tars.tarsregistry.RegistryObj", name},
			} {
				for _, servant := range servants {
					exchange(t, address, framed(packet(servant, name, nil)))
				}
			}
			_, _ = r.old().onStartup(&tars.OnStartupReq{NodeName: name + "\n"})
			_, _ = r.old().with("tars-"+name, name).with("tars-pod-kind", name).keepAlive(pod(name, name).beat(name))
			_, _ = r.old().onStartup(pod(name, "10.14.3.1").startup(func(req *tars.OnStartupReq) {
				for range n % 20 {
					req.Adapters = append(req.Adapters, req.Adapters[0])
				}
				req.Adapters[len(req.Adapters)-1].Endpoint = name
			}))
			r.get("/api/v1/" + name)
			r.get("/" + name)
		}
	}
	round(0, 20)
	before, _ := series()
	round(20, 60)
	after, names := series()
	equal(t, "lines of metrics about calls after other names", after, before)
	equal(t, "lines of metrics with one of the names", names, "")
}
