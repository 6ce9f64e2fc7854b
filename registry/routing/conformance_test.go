package routing_test

import (
	"testing"

	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
)

// ask puts a recorded question to a picture.
func ask(p *routing.Picture, v *routingtest.Vector) routing.Answer {
	caller := routing.Caller{Name: v.Context["node_name"], Address: v.ClientIP}
	switch v.Method {
	case "findObjectById":
		return p.ByID(v.ID)
	case "findObjectById4Any":
		return p.Any(v.ID)
	case "findObjectById4All", "findObjectByIdInSameGroup":
		return p.InSameGroup(v.ID, caller)
	case "findObjectByIdInSameStation":
		return p.InSameStation(v.ID, v.Arg)
	case "findObjectByIdInSameSet":
		return p.InSameSet(v.ID, v.Arg, caller)
	}
	panic("method " + v.Method)
}

// seeded is the picture of the seed rows with more in some IP groups' rules.
func seeded(t testing.TB, rules map[int32]string) *routing.Picture {
	t.Helper()
	seed := routingtest.ReadSeed(t, rules)
	table := routing.NewTable(routing.Options{})
	table.Replace(routing.Contents{
		Instances: seed.Instances, Rules: seed.Rules, Priorities: seed.Priorities, Registries: seed.Registries,
	})
	return table.Picture()
}

func differences(p *routing.Picture, v *routingtest.Vector) string {
	a := ask(p, v)
	return v.Differences(a.Code(), a.Active(), a.Inactive())
}

func TestConformance(t *testing.T) {
	deviating := routingtest.Deviating()
	picture := seeded(t, nil)
	for _, v := range routingtest.Vectors(t) {
		if deviating[v.N] {
			continue // TestDeviations
		}
		t.Run(v.Name(), func(t *testing.T) {
			if d := differences(picture, &v); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestDeviations holds every deviation to its reason: the case does differ, and
// with the deviation taken back it does not.
func TestDeviations(t *testing.T) {
	vectors := make(map[int]routingtest.Vector)
	for _, v := range routingtest.Vectors(t) {
		vectors[v.N] = v
	}
	ours := seeded(t, nil)
	for _, d := range routingtest.Deviations() {
		t.Run(d.Reason, func(t *testing.T) {
			theirs := seeded(t, d.Rules)
			for _, n := range d.Cases {
				v, ok := vectors[n]
				if !ok {
					t.Fatalf("no case %d", n)
				}
				if differences(ours, &v) == "" {
					t.Errorf("case %d (%s) does not deviate", n, v.Case)
				}
				d.Adjust(&v)
				if difference := differences(theirs, &v); difference != "" {
					t.Errorf("case %d (%s) differs in more: %s", n, v.Case, difference)
				}
			}
		})
	}
}
