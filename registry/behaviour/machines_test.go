package behaviour

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// nodes is what tarsnode speaks to.
func (r *replica) nodes() *tars.Registry {
	stub := tars.NewRegistry()
	stub.SetServant(&transport{name: "tars.tarsregistry.RegistryObj", address: func() string { return r.registry.Addresses().Node }})
	return stub
}

// awaitDone makes a call of tarsnode until it succeeds. tarsnode makes it again as
// well: it is kept waiting no longer than pods are where the database is slow (R27).
func (r *replica) awaitDone(what string, call func() (int32, error)) {
	r.t.Helper()
	await(r.t, func() string {
		code, err := call()
		if err != nil {
			r.t.Fatalf("%s: %v", what, err)
		}
		if code != 0 {
			return fmt.Sprintf("%s: code %d", what, code)
		}
		return ""
	})
}

// badTexts are values that no text of a machine may have.
func badTexts(limit int) map[string]string {
	return map[string]string{
		"too long": strings.Repeat("x", limit+1), "9 MB": huge(), "NUL": "a\x00b", "a line feed": "a\nb", "an escape": "a\x1b[31m", "not UTF-8": "a\xff",
	}
}

// machineInput are bad values for every field of every method of RegistryObj that
// has an effect or reads rows.
func machineInput(i instance) []badInput {
	var list []badInput
	add := func(method, field string, values map[string]string, call func(stub *tars.Registry, value string) error) {
		for what, value := range values {
			list = append(list, badInput{method + " with " + field + ": " + what, field, func(r *replica) error { return call(r.nodes(), value) }})
		}
	}
	one := func(method, field, what string, call func(stub *tars.Registry) error) {
		add(method, field, map[string]string{what: ""}, func(stub *tars.Registry, _ string) error { return call(stub) })
	}
	info := func() *tars.NodeInfo {
		return &tars.NodeInfo{
			NodeName: i.node, NodeObj: "tars.tarsnode.NodeObj@tcp -h " + i.node + " -p 19385 -t 60000",
			EndpointIp: i.node, EndpointPort: 19385, DataDir: "/changed", Version: "changed",
		}
	}
	register := func(set func(*tars.NodeInfo, string)) func(*tars.Registry, string) error {
		return func(stub *tars.Registry, value string) error {
			changed := info()
			set(changed, value)
			_, err := stub.RegisterNode(i.node, changed, &tars.LoadInfo{})
			return err
		}
	}
	add("registerNode", "nodeName", required(badNames(50)), func(stub *tars.Registry, v string) error {
		_, err := stub.RegisterNode(v, info(), &tars.LoadInfo{})
		return err
	})
	objects := badTexts(128)
	objects["empty"], objects["no endpoint"], objects["garbage"] = "", "tars.tarsnode.NodeObj", "tars.tarsnode.NodeObj@garbage"
	objects["port 0, as a pod's"] = "tars.tarsnode.NodeObj@tcp -h 10.13.0.1 -p 0 -t 60000"
	objects["port 65536"] = "tars.tarsnode.NodeObj@tcp -h 10.13.0.1 -p 65536 -t 60000"
	add("registerNode", "nodeObj", objects, register(func(n *tars.NodeInfo, v string) { n.NodeObj = v }))
	add("registerNode", "endpointIp", badTexts(50), register(func(n *tars.NodeInfo, v string) { n.EndpointIp = v }))
	add("registerNode", "dataDir", badTexts(128), register(func(n *tars.NodeInfo, v string) { n.DataDir = v }))
	add("registerNode", "version", badTexts(128), register(func(n *tars.NodeInfo, v string) { n.Version = v }))
	for what, port := range map[string]int32{"negative": -1, "65536": 65536, "the greatest": math.MaxInt32} {
		one("registerNode", "endpointPort", what, func(stub *tars.Registry) error {
			return register(func(n *tars.NodeInfo, _ string) { n.EndpointPort = port })(stub, "")
		})
	}
	for what, value := range map[string]float32{"no number": float32(math.NaN()), "infinite": float32(math.Inf(1)), "negative": -1} {
		for field, load := range map[string]*tars.LoadInfo{"avg1": {Avg1: value}, "avg5": {Avg5: value}, "avg15": {Avg15: value}} {
			one("registerNode", field, what, func(stub *tars.Registry) error { _, err := stub.RegisterNode(i.node, info(), load); return err })
			one("keepAlive", field, what, func(stub *tars.Registry) error { _, err := stub.KeepAlive(i.node, load); return err })
		}
	}
	for method, call := range map[string]func(stub *tars.Registry, node string) error{
		"keepAlive": func(stub *tars.Registry, node string) error {
			_, err := stub.KeepAlive(node, &tars.LoadInfo{})
			return err
		},
		"destroyNode": func(stub *tars.Registry, node string) error { _, err := stub.DestroyNode(node); return err },
		"getNodeTemplate": func(stub *tars.Registry, node string) error {
			_, err := stub.GetNodeTemplate(node, new(string))
			return err
		},
	} {
		add(method, "nodeName", required(badNames(50)), call)
	}
	type keyed func(stub *tars.Registry, node, app, server string) error
	inactive := tars.ServerStateInfo{ServerState: tars.ServerState_Inactive, ProcessId: 7}
	for method, call := range map[string]keyed{
		"updateServer": func(stub *tars.Registry, node, app, server string) error {
			_, err := stub.UpdateServer(node, app, server, &inactive)
			return err
		},
		"updateServerBatch": func(stub *tars.Registry, node, app, server string) error {
			good, bad := inactive, inactive
			good.NodeName, good.Application, good.ServerName = i.node, i.application, i.server
			bad.NodeName, bad.Application, bad.ServerName = node, app, server
			_, err := stub.UpdateServerBatch([]tars.ServerStateInfo{good, bad})
			return err
		},
		"reportVersion": func(stub *tars.Registry, node, app, server string) error {
			_, err := stub.ReportVersion(app, server, node, "changed")
			return err
		},
		"updatePatchResult": func(stub *tars.Registry, node, app, server string) error {
			_, err := stub.UpdatePatchResult(&tars.PatchResult{SApplication: app, SServerName: server, SNodeName: node, SVersion: "changed"})
			return err
		},
	} {
		add(method, "nodeName", required(badNames(50)), func(stub *tars.Registry, v string) error { return call(stub, v, i.application, i.server) })
		texts := badTexts(128)
		texts["empty"] = ""
		add(method, "application", texts, func(stub *tars.Registry, v string) error { return call(stub, i.node, v, i.server) })
		add(method, "server", texts, func(stub *tars.Registry, v string) error { return call(stub, i.node, i.application, v) })
	}
	for field, limit := range map[string]int{"nodeName": 50, "application": 128, "server": 128} {
		add("getServers", field, badTexts(limit), func(stub *tars.Registry, v string) error {
			names := map[string]string{"nodeName": i.node, field: v}
			_, err := stub.GetServers(names["application"], names["server"], names["nodeName"])
			return err
		})
	}
	for _, state := range []tars.ServerState{-1, 6, math.MaxInt32} {
		one("updateServer", "serverState", fmt.Sprint(state), func(stub *tars.Registry) error {
			_, err := stub.UpdateServer(i.node, i.application, i.server, &tars.ServerStateInfo{ServerState: state})
			return err
		})
	}
	one("updateServerBatch", "serverStateInfos", "1001 of them", func(stub *tars.Registry) error {
		many := make([]tars.ServerStateInfo, 1001)
		for n := range many {
			many[n] = tars.ServerStateInfo{NodeName: i.node, Application: i.application, ServerName: i.server}
		}
		_, err := stub.UpdateServerBatch(many)
		return err
	})
	add("reportVersion", "version", badTexts(128), func(stub *tars.Registry, v string) error {
		_, err := stub.ReportVersion(i.application, i.server, i.node, v)
		return err
	})
	patched := tars.PatchResult{SApplication: i.application, SServerName: i.server, SNodeName: i.node}
	add("updatePatchResult", "sVersion", badTexts(128), func(stub *tars.Registry, v string) error {
		result := patched
		result.SVersion = v
		_, err := stub.UpdatePatchResult(&result)
		return err
	})
	add("updatePatchResult", "sUserName", badTexts(128), func(stub *tars.Registry, v string) error {
		result := patched
		result.SUserName = v
		_, err := stub.UpdatePatchResult(&result)
		return err
	})
	return list
}

// TestBadInputOfMachines: each value is refused with a sentence, changes nothing,
// and does not get into the log. It runs alone, for the memory's sake.
func TestBadInputOfMachines(t *testing.T) {
	for kind, open := range map[string]func(*testing.T) *database{"sqlite": sqlite, "mariadb": mariadb} {
		t.Run(kind, func(t *testing.T) {
			d := open(t)
			r := d.start()
			i := pod("Machine", "10.13.0.1")
			d.machine(i)
			r.awaitFind(i.servant(), "10.13.0.1:10000/")
			before, watch := d.snapshot(), watchMemory()
			r.refusesEach(t, machineInput(i))
			for _, id := range []string{"", huge()} { // answered, and nothing is made of it
				_, _ = r.nodes().ReportNode(&tars.ReportNode{NodeName: id, Sid: id})
				_, _ = r.nodes().DockerPull(id)
			}
			watch.bound(t, 200<<20)
			d.unchanged("after bad input", before)
			if said := r.log.String(); strings.Contains(said, "panic") || len(said) > 1<<20 {
				t.Errorf("something panicked, or the log has all of it: %d bytes", len(said))
			}
			r.wantFind(i.servant(), "10.13.0.1:10000/")
		})
	}
}

// TestMachinesAtTheirLimits: what tarsnode may say is taken, whole.
func TestMachinesAtTheirLimits(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		node := "fd00:1111:2222:3333:4444:5555:6666:7777"
		long := strings.Repeat("x", 128)
		object := "tars.tarsnode.NodeObj@tcp -h " + node + " -p 65535 -t 60000"
		r.awaitDone("registerNode", func() (int32, error) {
			return r.nodes().RegisterNode(node, &tars.NodeInfo{
				NodeName: node, NodeObj: object, EndpointIp: node, EndpointPort: 65535, DataDir: `C:\tars\"data"` + long[14:], Version: long,
			}, &tars.LoadInfo{Avg1: math.MaxFloat32})
		})
		d.want("t_node_info", d.node(node), row{"node_obj": object, "data_dir": `C:\tars\"data"` + long[14:], "tars_version": long, "present_state": "active"})
		if code, err := r.nodes().KeepAlive(node, &tars.LoadInfo{}); err != nil || code != 0 {
			t.Errorf("keepAlive: code %d, %v", code, err)
		}
		i := instance{"App", "Ser.ver", node} // as TarsWeb lets a server be called
		d.deploy(i, "inactive")
		for state, want := range map[tars.ServerState]string{
			tars.ServerState_Activating: "activating", tars.ServerState_Active: "active", tars.ServerState_Deactivating: "deactivating",
			tars.ServerState_Destroying: "destroyed", tars.ServerState_Destroyed: "destroyed", tars.ServerState_Inactive: "inactive",
		} {
			r.awaitDone("updateServer", func() (int32, error) {
				return r.nodes().UpdateServer(node, i.application, i.server, &tars.ServerStateInfo{ServerState: state, ProcessId: 1<<31 - 1})
			})
			equal(t, "present state", d.present(i), want)
		}
		r.awaitDone("reportVersion", func() (int32, error) { return r.nodes().ReportVersion(i.application, i.server, node, long) })
		d.want("t_server_conf", d.server(i), row{"tars_version": long, "process_id": "2147483647"})
		await(t, func() string {
			servers, err := r.nodes().GetServers("", "", node)
			if _, text := refusal(err); strings.Contains(text, "did not answer in time") {
				return "getServers: " + text
			}
			if err != nil || len(servers) != 1 {
				t.Errorf("getServers: %d, %v", len(servers), err)
			}
			return ""
		})
	})
}

// TestR27MachinesWithoutDatabase: tarsnode gets an error, and never an empty list,
// which would have it stop everything.
func TestR27MachinesWithoutDatabase(t *testing.T) {
	onEveryOutage(t, func(t *testing.T, d *database, o outage) {
		r := d.start()
		i := pod("Machine", "10.13.1.1")
		d.machine(i)
		r.awaitFind(i.servant(), "10.13.1.1:10000/")
		before := d.snapshot()
		o.begin()
		if servers, err := r.nodes().GetServers("", "", i.node); err == nil && len(servers) != 1 {
			t.Errorf("getServers gives %d servers, %v", len(servers), err)
		}
		for method, call := range map[string]func() (int32, error){
			"updateServer": func() (int32, error) {
				return r.nodes().UpdateServer(i.node, i.application, i.server, &tars.ServerStateInfo{})
			},
			"registerNode": func() (int32, error) {
				return r.nodes().RegisterNode(i.node, &tars.NodeInfo{NodeObj: "tars.tarsnode.NodeObj@tcp -h 10.13.1.1 -p 19386 -t 60000"}, &tars.LoadInfo{})
			},
			"destroyNode": func() (int32, error) { return r.nodes().DestroyNode(i.node) },
			"getLocker":   func() (int32, error) { return r.lookups().GetLocker(lockOf(i)) },
		} {
			began := time.Now()
			if code, err := call(); err == nil && code != -1 && code != 2 {
				t.Errorf("%s: code %d", method, code)
			}
			// Without a deadline of its own a call would go on for a minute.
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%s was answered after %s", method, took)
			}
		}
		r.wantFind(i.servant(), "10.13.1.1:10000/")
		o.end()
		await(t, func() string {
			if servers, err := r.nodes().GetServers("", "", i.node); err != nil || len(servers) != 1 {
				return "getServers does not work again"
			}
			return ""
		})
		d.unchanged("after an outage", before)
	})
}
