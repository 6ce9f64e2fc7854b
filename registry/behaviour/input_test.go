package behaviour

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tarsregistry/tarsregistry/tars"
)

// badInput is a call that must be refused with a sentence that names the field.
type badInput struct {
	what  string
	field string
	call  func(r *replica) error
}

// huge is nearly as much as a packet may hold. It is made once: what the tests themselves hold would else hide what the
// registry does.
var huge = sync.OnceValue(func() string { return strings.Repeat("x", 9<<20) })

// badNames are values that no name may have; limit is the column's width.
func badNames(limit int) map[string]string {
	return map[string]string{
		"too long": strings.Repeat("x", limit+1), "9 MB": huge(),
		"SQL": "x'; DROP TABLE t_server_conf; --", "a quote": `a"b`, "a backslash": `a\`, "a backquote": "a`b", "a percent sign and blanks": "% %",
		"NUL": "a\x00b", "a line feed": "a\nb", "an escape": "a\x1b[31m", "not UTF-8": "a\xff", "a letter that only looks like one": "\u0430pp", "a blank": "a b", "a slash": "a/b",
	}
}

func required(values map[string]string) map[string]string {
	values["empty"], values["blanks"] = "", "  "
	return values
}

// inputs are bad values for every field of every method of tars.tarsregistry.Registry.
func inputs(i instance) []badInput {
	var list []badInput
	add := func(method, field string, values map[string]string, call func(r *replica, value string) error) {
		for what, value := range values {
			list = append(list, badInput{method + " with " + field + ": " + what, field, func(r *replica) error { return call(r, value) }})
		}
	}
	startup := func(set func(req *tars.OnStartupReq, value string)) func(*replica, string) error {
		return func(r *replica, value string) error {
			_, err := r.as("uid-1").onStartup(i.startup(func(req *tars.OnStartupReq) { set(req, value) }))
			return err
		}
	}
	texts := map[string]string{
		"too long": strings.Repeat("x", 129), "9 MB": huge(), "a quote": "v'1", "NUL": "v\x00", "a line feed": "v\n1", "not UTF-8": "v\xff",
	}
	add("onStartup", "nodeName", required(badNames(50)), startup(func(req *tars.OnStartupReq, v string) { req.NodeName = v }))
	add("onStartup", "application", required(badNames(50)), startup(func(req *tars.OnStartupReq, v string) { req.Application = v }))
	add("onStartup", "server", required(badNames(128)), startup(func(req *tars.OnStartupReq, v string) { req.Server = v }))
	add("onStartup", "Version", texts, startup(func(req *tars.OnStartupReq, v string) { req.Version = v }))
	add("onStartup", "templateName", texts, startup(func(req *tars.OnStartupReq, v string) { req.TemplateName = v }))
	add("onStartup", "State", map[string]string{"unknown": "up", "9 MB": huge(), "of nodes only": "destroyed", "SQL": "active' OR '1"},
		startup(func(req *tars.OnStartupReq, v string) { req.State = v }))
	add("onStartup", "serverType", map[string]string{"unknown": "tars_rust", "another case": "TARS_GO", "9 MB": huge()},
		startup(func(req *tars.OnStartupReq, v string) { req.ServerType = v }))
	add("onStartup", "setID", map[string]string{
		"two parts": "a.b", "four parts": "a.b.c.d", "an empty part": "a..c", "a dot at the end": "a.b.", "a star as name": "*.b.c", "a star as area": "a.*.c",
		"a long name": strings.Repeat("x", 17) + ".b.c", "a long area": "a." + strings.Repeat("x", 17) + ".c", "a long group": "a.b." + strings.Repeat("x", 65),
		"SQL": "a.b.c'--", "9 MB": huge(), "a line feed": "a.b.c\n",
	}, startup(func(req *tars.OnStartupReq, v string) { req.SetID = v }))
	add("onStartup", "adapters[0].servant", map[string]string{
		"empty": "", "another application's": "Other.Server.Obj", "no object": "App.Bad.", "only the server": "App.Bad", "too long": "App.Bad." + strings.Repeat("x", 93),
		"9 MB": "App.Bad." + huge(), "SQL": "App.Bad.Obj'--", "a blank": "App.Bad.O bj", "an at sign": "App.Bad.Obj@tcp",
	}, startup(func(req *tars.OnStartupReq, v string) { req.Adapters[0].Servant = v }))
	add("onStartup", "adapters[0].endpoint", map[string]string{
		"empty": "", "garbage": "garbage", "another transport": "sctp -h 10.10.0.1 -p 1", "capitals": "TCP -h 10.10.0.1 -p 1", "no host": "tcp -p 1", "no port": "tcp -h 10.10.0.1",
		"port 0": "tcp -h 10.10.0.1 -p 0", "port 65536": "tcp -h 10.10.0.1 -p 65536", "a negative port": "tcp -h 10.10.0.1 -p -1", "a port of letters": "tcp -h 10.10.0.1 -p x",
		"everywhere": "tcp -h 0.0.0.0 -p 1", "a star": "tcp -h * -p 1", "any IPv6": "tcp -h :: -p 1", "two in one": "tcp -h 10.10.0.1 -p 1:tcp -h 10.10.0.2 -p 1",
		"a negative timeout": "tcp -h 10.10.0.1 -p 1 -t -1", "too long": "tcp -h 10.10.0.1 -p 1 " + strings.Repeat(" ", 120), "9 MB": "tcp -h " + huge() + " -p 1",
		"SQL": "tcp -h 10.10.0.1' -p 1", "a line feed": "tcp -h 10.10.0.1\n-p 1", "NUL": "tcp -h 10.10.0.1\x00 -p 1", "not UTF-8": "tcp -h \xff -p 1", "a word too much": "tcp -h 10.10.0.1 -p 1 x",
		"a huge weight": "tcp -h 10.10.0.1 -p 1 -w 99999999999999999999",
	}, startup(func(req *tars.OnStartupReq, v string) { req.Adapters[0].Endpoint = v }))
	add("onStartup", "adapters[0].protocol", badNames(64), startup(func(req *tars.OnStartupReq, v string) { req.Adapters[0].Protocol = v }))
	for field, set := range map[string]func(*tars.AdapterConf){
		"adapters[0].maxConns": func(a *tars.AdapterConf) { a.MaxConns = -1 }, "adapters[0].threadNum": func(a *tars.AdapterConf) { a.ThreadNum = -1 },
		"adapters[0].queueCap": func(a *tars.AdapterConf) { a.QueueCap = -1 << 31 }, "adapters[0].queueTimeout": func(a *tars.AdapterConf) { a.QueueTimeout = -7 },
	} {
		add("onStartup", field, map[string]string{"negative": ""}, startup(func(req *tars.OnStartupReq, _ string) { set(&req.Adapters[0]) }))
	}
	for _, count := range []int{257, 5000, 60000} {
		add("onStartup", "adapters", map[string]string{fmt.Sprint(count): ""}, startup(func(req *tars.OnStartupReq, _ string) {
			for n := len(req.Adapters); n < count; n++ {
				req.Adapters = append(req.Adapters, tars.AdapterConf{Servant: fmt.Sprint("App.Bad.N", n), Endpoint: endpointAt("10.10.0.1", 1+n%60000)})
			}
		}))
	}

	type keyed func(node, application, server string) func(*replica) error
	for method, call := range map[string]keyed{
		"keepAlive": func(node, application, server string) func(*replica) error {
			return func(r *replica) error {
				_, err := r.as("uid-1").keepAlive(instance{application, server, node}.beat("inactive"))
				return err
			}
		},
		"onPrestop": func(node, application, server string) func(*replica) error {
			return func(r *replica) error {
				_, err := r.as("uid-1").onPrestop(instance{application, server, node}.prestop())
				return err
			}
		},
		"registerMetrics": func(node, application, server string) func(*replica) error {
			return func(r *replica) error {
				_, err := r.as("uid-1").registerMetrics(instance{application, server, node}.metrics(9000))
				return err
			}
		},
	} {
		add(method, "nodeName", required(badNames(50)), func(r *replica, v string) error { return call(v, i.application, i.server)(r) })
		add(method, "application", required(badNames(50)), func(r *replica, v string) error { return call(i.node, v, i.server)(r) })
		add(method, "server", required(badNames(128)), func(r *replica, v string) error { return call(i.node, i.application, v)(r) })
	}
	add("keepAlive", "state", map[string]string{"unknown": "up", "9 MB": huge(), "capitals": "ACTIVE", "SQL": "active'--", "a blank": " active"},
		func(r *replica, v string) error { _, err := r.as("uid-1").keepAlive(i.beat(v)); return err })
	for _, port := range []int32{-1, 65536, -1 << 31, 1<<31 - 1} {
		add("registerMetrics", "metricsPort", map[string]string{fmt.Sprint(port): ""},
			func(r *replica, _ string) error { _, err := r.as("uid-1").registerMetrics(i.metrics(port)); return err })
	}
	return append(list, contexts(i)...)
}

// contexts are bad values of the request's context.
func contexts(i instance) []badInput {
	var list []badInput
	for key, values := range map[string][]string{
		"tars-pod-uid":  {strings.Repeat("x", 65), strings.Repeat("x", 60000), "uid'--", "u\x00", "u id", "\xff"},
		"tars-pod-kind": {"node", "POD", "x'"},
		"tars-beat-ms":  {"-1", "x", "1e3", "3600001", "99999999999999999999999", " 1"},
		"tars-seq":      {"-1", "x", "99999999999999999999999", "0x10"},
		"tars-worker":   {"-1", "x", "1024"},
	} {
		for _, value := range values {
			me := func(r *replica) caller { return r.as("uid-1").with(key, value) }
			what := fmt.Sprintf("context %s %.10q", key, value)
			list = append(list, badInput{"onStartup with " + what, key, func(r *replica) error { _, err := me(r).onStartup(i.startup()); return err }})
			if key != "tars-worker" {
				list = append(list, badInput{"keepAlive with " + what, key, func(r *replica) error { _, err := me(r).keepAlive(i.beat("inactive")); return err }})
			}
		}
	}
	return list
}

// refusesEach holds the registry to refusing each with a sentence that names the field.
func (r *replica) refusesEach(t *testing.T, list []badInput) {
	t.Helper()
	for _, input := range list {
		code, text := refusal(input.call(r))
		switch {
		case code != 1:
			t.Errorf("%s: code %d, %.200q", input.what, code, text)
		case !strings.Contains(text, input.field):
			t.Errorf("%s: %q does not name the field", input.what, text)
		case len(text) > 300:
			t.Errorf("%s: the sentence has %d bytes", input.what, len(text))
		}
	}
}

// TestBadInput: each value is refused with a sentence, changes nothing, and takes
// no more memory than it came with. It runs alone, for the memory's sake.
func TestBadInput(t *testing.T) {
	for kind, open := range map[string]func(*testing.T) *database{"sqlite": sqlite, "mariadb": mariadb} {
		t.Run(kind, func(t *testing.T) {
			d := open(t)
			r := d.start()
			i := pod("Bad", "10.10.0.1")
			r.as("uid-1").register(i)
			before := d.snapshot()
			watch := watchMemory()
			r.refusesEach(t, inputs(i))
			watch.bound(t, 200<<20)
			d.unchanged("after bad input", before)
			if r.log.mentions("panic") {
				t.Error("something panicked")
			}
			r.as("uid-1").beat(i, "inactive")
			r.wantFind(i.servant(), "/10.10.0.1:10000")
		})
	}
}

// TestGoodInputAtItsLimits is taken, whole.
func TestGoodInputAtItsLimits(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		long := func(n int) string { return strings.Repeat("x", n) }
		i := instance{long(50), long(35), "n" + long(49)} // the servant has room for no more
		r.as("u"+long(63)).register(i, func(req *tars.OnStartupReq) {
			req.Version, req.TemplateName = strings.Repeat("版", 128), long(128)
			req.SetID = long(16) + "." + long(16) + "." + long(64)
			req.Adapters[0].Servant = i.application + "." + i.server + "." + long(6)
			req.Adapters[0].Endpoint = "tcp -h " + long(90) + " -p 65535 -t 2147483647"
			req.Adapters[0].Protocol = long(64)
			req.Adapters[0].MaxConns, req.Adapters[0].QueueTimeout = 1<<31-1, 1<<31-1
			for n := 1; n < 256; n++ {
				req.Adapters = append(req.Adapters, tars.AdapterConf{Servant: fmt.Sprintf("%s.%s.%d", i.application, i.server, n), Endpoint: endpointAt("10.10.1.1", n)})
			}
		})
		server := d.server(i)
		d.want("t_server_conf", server, row{"set_name": long(16), "set_area": long(16), "set_group": long(64), "template_name": long(128)})
		if strings.Count(server["patch_version"], "版") != 128 && !strings.Contains(server["patch_version"], "?") {
			t.Errorf("version %q", server["patch_version"])
		}
		equal(t, "adapters", d.text("SELECT COUNT(*) FROM t_adapter_conf"), "256")
		equal(t, "action", r.as("u"+long(63)).beat(i, "active"), "")
		server128 := instance{"App", long(128), "10.10.1.2"}
		r.as("uid").register(server128, func(req *tars.OnStartupReq) { req.Adapters = nil })
		equal(t, "action", r.as("uid").beat(server128, "active"), "")
	})
}

// TestBadLookups: whatever is asked for, the answer is nobody, or a refusal.
func TestBadLookups(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Asked", "10.10.2.1")
		r.as("uid-1").register(i)
		for what, value := range badNames(128) {
			var active, inactive []tars.EndpointF
			for method, ask := range map[string]func() (int32, error){
				"4Any":  func() (int32, error) { return r.lookups().FindObjectById4Any(value, &active, &inactive) },
				"group": func() (int32, error) { return r.lookups().FindObjectByIdInSameGroup(value, &active, &inactive) },
				"station": func() (int32, error) {
					return r.lookups().FindObjectByIdInSameStation(i.servant(), value, &active, &inactive)
				},
				"set": func() (int32, error) {
					return r.lookups().FindObjectByIdInSameSet(i.servant(), value, &active, &inactive)
				},
			} {
				active, inactive = nil, nil
				code, err := ask()
				if err != nil || code > 0 || len(active)+len(inactive) > 0 {
					t.Errorf("%s with %s: code %d, %d endpoints, %v", method, what, code, len(active)+len(inactive), err)
				}
			}
		}
		r.wantFind(i.servant(), "10.10.2.1:10000/")
		for filter, value := range badNames(128) {
			if got := r.targets(map[string]string{"server": value, filter: "x"}); len(got) > 0 {
				t.Errorf("filter %s: %v", filter, got)
			}
		}
	})
}
