package behaviour

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/tars"
)

// placesOf gives where replicas' servants are, as find does.
func placesOf(replicas []*replica, address func(registry.Addresses) string) string {
	var list []string
	for _, r := range replicas {
		list = append(list, address(r.registry.Addresses()))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func podAddress(a registry.Addresses) string   { return a.Pod }
func queryAddress(a registry.Addresses) string { return a.Query }
func nodeAddress(a registry.Addresses) string  { return a.Node }

func TestR28Rows(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start(func(o *registry.Options) { o.AdvertiseHost = "localhost" })
		a := r.registry.Addresses()
		for servant, address := range map[string]string{
			"tars.tarsregistry.QueryObj": a.Query, "tars.tarsregistry.RegistryObj": a.Node, "tars.tarsregistry.Registry": a.Pod,
		} {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "advertised host", host, "localhost")
			info := d.one("SELECT * FROM t_registry_info WHERE servant = ?", servant)
			d.want(servant, info, row{"locator_id": a.Query, "present_state": "active", "enable_group": "N"})
			if !strings.HasPrefix(info["endpoint"], fmt.Sprintf("tcp -h localhost -p %s ", port)) {
				t.Errorf("endpoint of %s is %q", servant, info["endpoint"])
			}
			r.wantFind(servant, address+"/")
		}
		for _, column := range []string{"last_heartbeat", "modify_time"} {
			d.recent("t_registry_info", column)
		}
		equal(t, "rows", d.text("SELECT COUNT(*) FROM t_registry_info"), "3")
		r.stop()
		equal(t, "active rows after the end", d.text("SELECT COUNT(*) FROM t_registry_info WHERE present_state = 'active'"), "0")
	})
}

func TestR28OnlyWhatIsOn(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start(func(o *registry.Options) {
			o.Query.Port, o.Node.Port = registry.PortOff, registry.PortOff // beside a C++ registry
		})
		d.want("the only row", d.one("SELECT * FROM t_registry_info"), row{
			"servant": "tars.tarsregistry.Registry", "locator_id": r.registry.Addresses().Pod, "present_state": "active",
		})
	})
}

// TestR28Replicas: all live ones are found; one that stops leaves first and serves
// on for a while.
func TestR28Replicas(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a, b := d.start(), d.second()
	for _, r := range []*replica{a, b} {
		r.awaitFind("tars.tarsregistry.Registry", placesOf([]*replica{a, b}, podAddress)+"/")
		r.awaitFind("tars.tarsregistry.QueryObj", placesOf([]*replica{a, b}, queryAddress)+"/")
		r.awaitFind("tars.tarsregistry.RegistryObj", placesOf([]*replica{a, b}, nodeAddress)+"/")
	}
	i := pod("Last", "10.7.2.1")
	const leaving = 2 * time.Second
	gone := []*replica{b}
	for {
		began := time.Now()
		stopped := make(chan struct{})
		go func() { defer close(stopped); b.stop() }()
		await(t, func() string {
			count := d.text("SELECT COUNT(*) FROM t_registry_info WHERE present_state = 'active'")
			return map[bool]string{true: "the replica has not left yet"}[count != "3"]
		})
		err := b.servesOn(i)
		took := time.Since(began)
		<-stopped
		if err == nil {
			break
		}
		if took < leaving {
			t.Fatalf("%s after its stop began a replica does not serve: %v", took, err)
		}
		b = d.second() // nobody looked while that one served: the machine was too busy
		gone = append(gone, b)
	}
	a.awaitFind("tars.tarsregistry.Registry", placesOf([]*replica{a}, podAddress)+"/"+placesOf(gone, podAddress))
	a.awaitFind(i.servant(), "10.7.2.1:10000/")
}

// servesOn has a pod register that has not noticed yet that the replica stops.
func (r *replica) servesOn(i instance) error {
	_, err := trying(func() (map[string]string, error) { return r.as("uid-1").onStartup(i.startup()) })
	if err != nil {
		return err
	}
	var active, inactive []tars.EndpointF
	if _, err := r.lookups().FindObjectById4Any(i.servant(), &active, &inactive); err != nil {
		return err
	}
	if got := places(active); got != i.node+":10000" {
		return fmt.Errorf("what was registered is found at %q", got)
	}
	code, _, err := r.ask("/readyz")
	if err == nil && code != http.StatusServiceUnavailable {
		err = fmt.Errorf("readyz says %d", code)
	}
	return err
}

// TestR28DeadReplicas: one of ours after 30 s of silence, a C++ one not so soon.
func TestR28DeadReplicas(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		for _, dead := range []struct{ host, version string }{{"10.7.3.1", "tarsregistry/1.0"}, {"10.7.3.2", "3.0.17"}} {
			d.exec("INSERT INTO t_registry_info (locator_id, servant, endpoint, present_state, tars_version, last_heartbeat) VALUES (?, 'tars.other.Obj', ?, 'active', ?, "+d.wall()+")",
				dead.host+":17890", "tcp -h "+dead.host+" -p 17890 -t 60000", dead.version)
		}
		r.awaitFind("tars.other.Obj", "10.7.3.1:17890 10.7.3.2:17890/")
		r.awaitFind("tars.other.Obj", "10.7.3.2:17890/10.7.3.1:17890")
		equal(t, "our own rows", d.text("SELECT COUNT(*) FROM t_registry_info WHERE present_state = 'active' AND servant <> 'tars.other.Obj'"), "3")
	})
}
