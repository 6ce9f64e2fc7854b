package routing_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
	"github.com/tarsregistry/tarsregistry/tars"
)

// callerNamed is a caller by the address of its connection, or by its name.
func callerNamed(name string) routing.Caller {
	if address, err := netip.ParseAddr(name); err == nil {
		return routing.Caller{Address: address}
	}
	return routing.Caller{Name: name, Address: netip.MustParseAddr("127.0.0.1")}
}

func put(p *routing.Picture, q routingtest.Question) (int32, []tars.EndpointF, []tars.EndpointF) {
	v := routingtest.Vector{Method: q.Method, ID: q.ID, Arg: q.Arg}
	caller := callerNamed(q.Caller)
	v.ClientIP, v.Context = caller.Address, map[string]string{"node_name": caller.Name}
	a := ask(p, &v)
	if q.Method == "findObjectById" {
		return a.Code(), a.Active(), nil
	}
	return a.Code(), a.Active(), a.Inactive()
}

// compareAll asks the picture and the model everything.
func compareAll(t *testing.T, p *routing.Picture, m *routingtest.Model) {
	t.Helper()
	failures := 0
	for object, part := range m.ByObject() {
		for _, q := range routingtest.Questions(object) {
			v := routingtest.Vector{Method: q.Method, Ret: new(int32)}
			*v.Ret, v.Active, v.Inactive = part.Ask(q)
			if d := v.Differences(put(p, q)); d != "" {
				if failures++; failures > 5 {
					t.FailNow()
				}
				t.Errorf("%+v: %s", q, d)
			}
		}
	}
}

func contentsOf(m *routingtest.Model) routing.Contents {
	return routing.Contents{Instances: m.Instances, Rules: m.Rules, Priorities: m.Priorities, Registries: m.Registries}
}

// TestMatrix compares the picture with a plain model over all combinations of
// what decides about an answer.
func TestMatrix(t *testing.T) {
	model := routingtest.Matrix(300, 1)
	table := routing.NewTable(routing.Options{})
	table.Replace(contentsOf(model))
	compareAll(t, table.Picture(), model)
}

// TestRandomChanges: a picture that was reached by changes answers as one made
// at once of the same contents.
func TestRandomChanges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	model := routingtest.Matrix(40, seed)
	model.Instances = model.Instances[len(model.Instances)-120:]
	pool := slices.Clone(model.Instances)
	table := routing.NewTable(routing.Options{})
	table.Replace(contentsOf(model))
	for round := range 15 {
		var batch []*naming.Instance
		for range random.IntN(20) {
			batch = append(batch, randomChange(random, model, pool))
		}
		table.Apply(batch, nil)
		if random.IntN(3) == 0 {
			table.Apply(batch, nil) // again: nothing changes
		}
		if random.IntN(4) == 0 {
			model.Rules = slices.Clone(model.Rules)
			model.Rules[random.IntN(3)].AllowRule += fmt.Sprintf("|10.9.9.%d", random.IntN(20))
			table.SetGroups(model.Rules, model.Priorities)
		}
		compareAll(t, table.Picture(), model)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	fresh := routing.NewTable(routing.Options{})
	fresh.Replace(contentsOf(model))
	if got, want := table.Picture().Stats(), fresh.Picture().Stats(); got.Instances != want.Instances ||
		got.Endpoints != want.Endpoints || got.Objects != want.Objects || got.BadRows != want.BadRows {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if got, want := table.Picture().BadRows(), fresh.Picture().BadRows(); !slices.Equal(got, want) {
		t.Errorf("bad rows %v, want %v", got, want)
	}
}

// randomChange removes an instance from the model, puts one back, or makes one
// like another; it returns the new state.
func randomChange(random *rand.Rand, m *routingtest.Model, pool []*naming.Instance) *naming.Instance {
	chosen := pool[random.IntN(len(pool))]
	at := slices.IndexFunc(m.Instances, func(i *naming.Instance) bool { return i.Key == chosen.Key })
	if at >= 0 && random.IntN(2) == 0 {
		m.Instances = slices.Delete(m.Instances, at, at+1)
		return &naming.Instance{Key: chosen.Key}
	}
	changed := chosen.Clone()
	other := pool[random.IntN(len(pool))]
	server := *other.Server
	changed.Server = &server
	changed.Adapters = slices.Clone(other.Adapters)
	if random.IntN(3) == 0 {
		changed.Adapters = append(changed.Adapters, naming.Adapter{
			Name: "second", Servant: chosen.Adapters[0].Servant, Endpoint: "tcp -h 10.0.1.7 -p 7 -t 60000",
		})
	}
	if at >= 0 {
		m.Instances[at] = changed
	} else {
		m.Instances = append(m.Instances, changed)
	}
	return changed
}
