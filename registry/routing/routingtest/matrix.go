package routingtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// mixedServer begins the names of servers with several endpoints.
const mixedServer = "Mixed"

// Matrix makes objects of every kind: one for each combination of what decides
// whether an endpoint is handed out, and so many more with several endpoints of
// random kinds. The seed decides about these.
func Matrix(mixed int, seed uint64) *Model {
	m := &Model{Seed: Seed{
		Rules: []naming.GroupRule{
			{ID: 1, Name: "one", AllowRule: "10.0.1.*|127.0.0.1|node-one"},
			{ID: 2, Name: "two", AllowRule: "10.0.2.*|127.0.0.2|127.0.9.*"},
			{ID: 3, Name: "three", AllowRule: "10.0.3.1|127.0.0.3|127.0.9.3"},
			{ID: 4, Name: "callers", AllowRule: "127.0.0.4|10.0.3.1"},
		},
		Priorities: []naming.GroupPriority{
			{ID: 1, Groups: "3|1", Order: 20, Station: "late"},
			{ID: 2, Groups: "2,3", Order: 10, Station: "early"},
			{ID: 3, Groups: "4;-1", Order: 30, Station: ""},
			{ID: 4, Groups: "", Order: 40, Station: "nobody"},
		},
	}}
	v := allValues()
	for n, kind := range v.kinds() {
		m.add(fmt.Sprintf("Matrix.S%d.Obj", n), kind)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range mixed {
		for range 1 + random.IntN(6) {
			m.add(fmt.Sprintf("Matrix.%s%d.Obj", mixedServer, i), v.randomKind(random))
		}
	}
	return m
}

// Thin keeps one of n of the objects that are a combination by themselves, for
// where asking costs more, and all others.
func (m *Model) Thin(n int) *Model {
	thin := *m
	thin.Instances = nil
	for i, instance := range m.Instances {
		if strings.HasPrefix(instance.Key.Server, mixedServer) || i%n == 0 {
			thin.Instances = append(thin.Instances, instance)
		}
	}
	return &thin
}

// ByObject cuts a model into one for each object, which answers about it as the
// whole does; and one for an object that there is not.
func (m *Model) ByObject() map[string]*Model {
	part := func() *Model { return &Model{Seed: Seed{Rules: m.Rules, Priorities: m.Priorities}} }
	objects := map[string]*Model{"Matrix.Unknown.Obj": part()}
	for _, instance := range m.Instances {
		for _, adapter := range instance.Adapters {
			of := objects[adapter.Servant]
			if of == nil {
				of = part()
				objects[adapter.Servant] = of
			}
			if !slices.Contains(of.Instances, instance) {
				of.Instances = append(of.Instances, instance)
			}
		}
	}
	return objects
}

// Questions are all that is to be asked about an object.
func Questions(id string) []Question {
	var questions []Question
	ask := func(method, arg, caller string) {
		questions = append(questions, Question{Method: method, ID: id, Arg: arg, Caller: caller})
	}
	ask("findObjectById", "", "127.0.0.1")
	ask("findObjectById4Any", "", "127.0.0.1")
	for _, caller := range []string{"127.0.0.1", "127.0.0.2", "127.0.9.3", "127.0.9.9", "127.0.0.4", "127.0.0.5", "node-one", "nobody"} {
		ask("findObjectByIdInSameGroup", "", caller)
		ask("findObjectById4All", "", caller)
		ask("findObjectByIdInSameSet", "a.b.1", caller)
		ask("findObjectByIdInSameSet", "other.b.1", caller)
	}
	for _, station := range []string{"late", "early", "", "nobody", "none"} {
		ask("findObjectByIdInSameStation", station, "127.0.0.1")
	}
	for _, set := range []string{"a.b.2", "a.b.3", "a.b.*", "a.c.1", "a.c.*", "a.z.1", ".a.b.1.", "a.b", "*.b.1", "a.*.1", "A.b.1"} {
		ask("findObjectByIdInSameSet", set, "127.0.0.2")
	}
	return questions
}

// kind is one combination.
type kind struct {
	setting, present, flow, grid naming.State
	bak                          int32
	host                         string
	group                        string // ip_group_name
	enableGroup                  bool
	set                          []string
	form                         Form
}

// values are what a kind may be made of.
type values struct {
	settings []naming.State
	presents []naming.State
	flows    [][2]naming.State // flow_state and grid_flag
	baks     []int32
	hosts    []string
	named    []string // ip_group_name
	sets     [][]string
	forms    []Form
}

func allValues() values {
	return values{
		settings: []naming.State{"active", "inactive"},
		presents: []naming.State{"active", "inactive", "activating", "deactivating", "destroyed", ""},
		flows:    [][2]naming.State{{"active", "NO_FLOW"}, {"inactive", ""}, {"", "NORMAL"}, {"", "NO_FLOW"}},
		baks:     []int32{0, 1, 2},
		hosts:    []string{"10.0.1.5", "10.0.2.5", "10.0.3.1", "10.9.9.9", "10.0.1.500", "some-host"},
		named:    []string{"", " two ", "none"},
		sets:     [][]string{nil, {"a", "b", "1"}, {"a", "b", "2"}, {"a", "b", "*"}, {"a", "c", "1"}, {"a", "", "1"}, {"*", "b", "1"}},
		forms:    Forms(),
	}
}

// kinds are all combinations: of the states with each other, and of groups,
// sets and endpoint forms with each other.
func (v *values) kinds() []kind {
	var all []kind
	for _, setting := range v.settings {
		for _, present := range v.presents {
			for _, flow := range v.flows {
				for _, bak := range v.baks {
					all = append(all, kind{
						setting: setting, present: present, flow: flow[0], grid: flow[1], bak: bak,
						host: v.hosts[0], form: v.forms[0],
					})
				}
			}
		}
	}
	for _, host := range v.hosts {
		for _, group := range v.named {
			for _, set := range v.sets {
				for _, form := range v.forms {
					k := kind{setting: "active", present: "active", flow: "active", host: host, group: group, set: set, form: form}
					all = append(all, k)
					k.enableGroup = true
					all = append(all, k)
				}
			}
		}
	}
	return all
}

func (v *values) randomKind(random *rand.Rand) kind {
	flow := pick(random, v.flows)
	k := kind{
		setting: "active", present: pick(random, v.presents), flow: flow[0], grid: flow[1], bak: pick(random, v.baks),
		host: pick(random, v.hosts), group: pick(random, v.named), enableGroup: random.IntN(4) > 0,
		set: pick(random, v.sets), form: pick(random, v.forms),
	}
	if random.IntN(2) == 0 { // or hardly anything would be active
		k.present, k.flow, k.bak, k.group = "active", "active", 0, ""
	}
	return k
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// add puts an instance of its own into the model, with one adapter.
func (m *Model) add(object string, k kind) {
	n := len(m.Instances)
	parts := strings.Split(object, ".")
	server := &naming.Server{
		SettingState: k.setting, PresentState: k.present, FlowState: k.flow, GridFlag: string(k.grid), BakFlag: k.bak,
		EnableGroup: k.enableGroup, IPGroupName: k.group,
	}
	if k.set != nil {
		server.EnableSet, server.SetName, server.SetArea, server.SetGroup = true, k.set[0], k.set[1], k.set[2]
	}
	m.Instances = append(m.Instances, &naming.Instance{
		Key:    naming.Key{Application: parts[0], Server: parts[1], Node: "node-" + strconv.Itoa(n)},
		Server: server,
		Adapters: []naming.Adapter{{
			Name: object + "Adapter", Servant: object, Endpoint: k.form.String(k.host, int32(1+n%60_000)),
		}},
	})
}

// matrixAddress finds the host and port that an endpoint was made with: the
// last of each, as repeated options count.
func matrixAddress(endpoint string) (host string, port int32, ok bool) {
	words := strings.Fields(endpoint)
	for i := range len(words) - 1 {
		switch words[i] {
		case "-h":
			host = words[i+1]
		case "-p":
			n, err := strconv.ParseInt(words[i+1], 10, 32)
			port, ok = int32(n), err == nil
		}
	}
	return host, port, ok
}
