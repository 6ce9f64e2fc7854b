package routing

import (
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestExplain(t *testing.T) {
	in := func(host string, change func(*naming.Server)) *naming.Instance {
		instance := instanceOn(host, 1)
		instance.Server.EnableGroup = true
		change(instance.Server)
		return instance
	}
	inSet := func(group string) func(*naming.Server) {
		return func(s *naming.Server) {
			s.EnableSet, s.SetName, s.SetArea, s.SetGroup = true, "a", "b", group
		}
	}
	gone := in("10.1.0.9", func(*naming.Server) {})
	table := NewTable((&clock{}).options())
	table.Replace(Contents{
		Instances: []*naming.Instance{
			in("10.1.0.1", inSet("1")),
			in("10.1.0.2", func(s *naming.Server) { s.SettingState = naming.Inactive }),
			in("10.1.0.3", func(s *naming.Server) { s.PresentState = naming.Activating }),
			in("10.1.0.4", func(s *naming.Server) { s.FlowState = naming.Inactive }),
			in("10.1.0.5", func(s *naming.Server) { s.BakFlag = standby }),
			in("10.2.0.1", inSet("*")),
			in("10.9.0.1", func(*naming.Server) {}),
		},
		Rules: []naming.GroupRule{
			{ID: 1, AllowRule: "10.1.0.*"}, {ID: 2, AllowRule: "10.2.0.*"}, {ID: 3, AllowRule: "10.3.0.*"}, {ID: 4, AllowRule: "10.4.0.*"},
		},
		Priorities: []naming.GroupPriority{{ID: 7, Groups: "3|2"}},
		Tombstones: []naming.Tombstone{tombstoneOf(1, gone)},
	})
	p := table.Picture()
	for name, c := range map[string]struct {
		object, caller, set string
		code                int32
		step                string
		reasons             map[string]string // by host
	}{
		"in a group": {obj, "10.1.0.77", "", 0, "IP group 1 of the caller", map[string]string{
			"10.1.0.1": "active: setting and present state are active",
			"10.1.0.2": `inactive: setting_state is "inactive"`,
			"10.1.0.3": `inactive: present_state is "activating"`,
			"10.1.0.4": "inactive: flow is turned off",
			"10.1.0.5": ": bak_flag is 1",
			"10.1.0.9": "inactive: removed lately",
			"10.2.0.1": ": not chosen",
		}},
		"by priority":        {obj, "10.3.0.1", "", 0, "groups [3 2] of priority row 7", map[string]string{"10.2.0.1": "active: ", "10.1.0.9": ": removed lately, and not chosen"}},
		"ungrouped":          {obj, "10.4.0.1", "", 0, "those in no group", map[string]string{"10.9.0.1": "active: "}},
		"no group":           {obj, "10.5.0.1", "", 0, "in no IP group: all", map[string]string{"10.9.0.1": "active: "}},
		"set":                {obj, "", "a.b.1", 0, "set a.b.1", map[string]string{"10.1.0.1": "active: ", "10.2.0.1": ": not chosen"}},
		"set's wildcard":     {obj, "", "a.b.2", 0, "nobody is in set a.b.2; set a.b.*", map[string]string{"10.2.0.1": "active: "}},
		"whole area":         {obj, "", "a.b.*", 0, "all groups of set area a.b", map[string]string{"10.2.0.1": "active: "}},
		"nobody in the set":  {obj, "", "a.c.2", -1, "nobody is in set a.c.2", map[string]string{"10.2.0.1": ": not chosen"}},
		"nobody of the name": {obj, "10.4.0.1", "x.c.2", 0, "nobody is in a set named x; nobody is active in IP group 4", nil},
		"no set id":          {obj, "", "a.c", -1, "not name.area.group", nil},
		"unknown":            {"Unknown.Obj", "", "", 0, "no such object", nil},
	} {
		x := p.Explain(c.object, Caller{Name: c.caller}, c.set)
		if x.Code != c.code || !strings.Contains(x.Step, c.step) || x.Known != (c.object == obj) {
			t.Errorf("%s: code %d, step %q, known %v", name, x.Code, x.Step, x.Known)
		}
		got := make(map[string]string)
		for _, e := range x.Endpoints {
			got[e.Endpoint.Host] = e.List + ": " + e.Reason
		}
		for host, reason := range c.reasons {
			if !strings.HasPrefix(got[host], reason) {
				t.Errorf("%s: %s is %q, want %q", name, host, got[host], reason)
			}
		}
	}
}
