package transition

import (
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// tables is a Tx over maps: what a transaction would hold.
type tables struct {
	instances map[naming.Key]*naming.Instance
	nodes     map[string]*naming.Node
	events    []naming.Event
	ended     []string
}

func newTables() *tables {
	return &tables{instances: map[naming.Key]*naming.Instance{}, nodes: map[string]*naming.Node{}}
}

func (s *tables) Instance(key naming.Key) *naming.Instance {
	if found := s.instances[key.Fold()]; found != nil {
		return found
	}
	return &naming.Instance{Key: key}
}

func (s *tables) LeasesOn(node string) []*naming.Instance {
	var list []*naming.Instance
	for _, found := range s.instances {
		if naming.Fold(found.Node) == naming.Fold(node) && found.Lease != nil && active(found.Lease) {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b *naming.Instance) int { return a.Compare(b.Key) })
	return list
}

func (s *tables) Node(name string) *naming.Node { return s.nodes[naming.Fold(name)] }
func (s *tables) Load(...naming.Key) error      { return nil }

func (s *tables) Put(instance *naming.Instance, event naming.Event) {
	stored := instance.Clone()
	if stored.Lease != nil {
		stored.Lease.Revision++
	}
	s.instances[instance.Fold()] = stored
	event.Key = instance.Key
	s.events = append(s.events, event)
	if event.Kind == naming.EventEnded {
		s.ended = append(s.ended, instance.Key.String())
	}
}

func (s *tables) DeleteNode(name string) { delete(s.nodes, naming.Fold(name)) }

func (s *tables) PutNode(node naming.Node) { s.nodes[naming.Fold(node.Name)] = &node }

var (
	rules = Rules{LeaseTTL: 95 * time.Second}
	podA  = Caller{Identity: naming.Identity{UID: "uid-a", Kind: naming.KindPod}, Actor: "10.0.0.1"}
	podB  = Caller{Identity: naming.Identity{UID: "uid-b", Kind: naming.KindPod}, Actor: "10.0.0.1"}
	hostA = Caller{Identity: naming.Identity{UID: "host-a", Kind: naming.KindHost}}
	hostB = Caller{Identity: naming.Identity{UID: "host-b", Kind: naming.KindHost}}
	old   = Caller{}
)

func key(server string) naming.Key {
	return naming.Key{Application: "App", Server: server, Node: "10.0.0.1"}
}

// registration of a server with one adapter on a port.
func registration(t *testing.T, server string, port string) *naming.Registration {
	t.Helper()
	r := &naming.Registration{Key: key(server), Adapters: []naming.Adapter{{
		Servant: "App." + server + ".Obj", Endpoint: "tcp -h 10.0.0.1 -p " + port + " -t 60000",
	}}}
	if err := r.Normalize(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *tables) register(t *testing.T, r *naming.Registration, caller Caller, neighbours ...naming.Key) Outcome {
	t.Helper()
	outcome, err := rules.Register(s, r, caller, neighbours)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func (s *tables) state(server string) naming.State {
	if found := s.Instance(key(server)); found.Server != nil {
		return found.Server.PresentState
	}
	return "gone"
}
