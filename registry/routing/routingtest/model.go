package routingtest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Model answers look-ups in the plainest way, straight from the rows and with
// nothing prepared: what the real thing is compared with. It knows the endpoint
// strings of Forms only.
type Model struct{ Seed }

// Question is a look-up.
type Question struct {
	Method string // of QueryF
	ID     string
	Arg    string // station or set id
	Caller string // an address or a node's name
}

// Form is an endpoint string without its host and port, and what it means.
type Form struct {
	Text string // HOST and PORT stand for them
	Bad  bool   // it cannot be read
	tars.EndpointF
}

// String makes an endpoint of the form.
func (f *Form) String(host string, port int32) string {
	return strings.NewReplacer("HOST", host, "PORT", strconv.Itoa(int(port))).Replace(f.Text)
}

// Forms are endpoint strings of all kinds.
func Forms() []Form {
	form := func(text string, e tars.EndpointF) Form { return Form{Text: text, EndpointF: e} }
	return []Form{
		form("tcp -h HOST -p PORT -t 60000", tars.EndpointF{Istcp: 1, Timeout: 60000, Weight: -1}),
		form("udp -p PORT -h HOST", tars.EndpointF{Istcp: 0, Timeout: 3000, Weight: -1}),
		form("ssl -h HOST -p PORT -t 1 -e 1 -q 3 -g 4", tars.EndpointF{Istcp: 2, Timeout: 1, AuthType: 1, Weight: -1}),
		form("tcp -h HOST -p PORT -w 30", tars.EndpointF{Istcp: 1, Timeout: 3000, Weight: 30}),
		form("tcp -h HOST -p PORT -w 250 -v 1", tars.EndpointF{Istcp: 1, Timeout: 3000, Weight: 100, WeightType: 1}),
		form("tcp -h HOST -p PORT -v 1", tars.EndpointF{Istcp: 1, Timeout: 3000, Weight: 100, WeightType: 1}),
		form("tcp -h HOST -p PORT -v 2 -w 7", tars.EndpointF{Istcp: 1, Timeout: 3000, Weight: 7}),
		form("tcp -h 1.2.3.4 -h HOST -p PORT -x y", tars.EndpointF{Istcp: 1, Timeout: 3000, Weight: -1}),
		{Text: "TCP -h HOST -p PORT", Bad: true},
		{Text: "tcp -h HOST -p 65536", Bad: true},
		{Text: "tcp -h HOST -p PORT:tcp -h HOST -p PORT", Bad: true},
		{Text: "", Bad: true},
	}
}

// modelRow is an endpoint in the model.
type modelRow struct {
	tars.EndpointF
	active bool
	set    []string // name, area, group; nil: in none
}

// Ask answers a question.
func (m *Model) Ask(q Question) (code int32, active, inactive []tars.EndpointF) {
	if q.Method == "findObjectByIdInSameStation" && m.station(q.Arg) == nil {
		return -1, nil, nil
	}
	set := slices.DeleteFunc(strings.Split(q.Arg, "."), func(part string) bool { return part == "" })
	if q.Method == "findObjectByIdInSameSet" && (len(set) != 3 || set[0] == "*" || set[1] == "*") {
		return -1, nil, nil
	}
	rows := m.rows(q.ID)
	switch q.Method {
	case "findObjectById", "findObjectById4Any":
	case "findObjectById4All", "findObjectByIdInSameGroup":
		rows = m.inGroup(rows, m.group(q.Caller))
	case "findObjectByIdInSameStation":
		groups := m.numbers(m.station(q.Arg).Groups)
		rows = where(rows, func(r modelRow) bool { return slices.Contains(groups, r.Grouprealid) })
	case "findObjectByIdInSameSet":
		switch {
		case len(rows) == 0:
		case !slices.ContainsFunc(rows, func(r modelRow) bool { return r.set != nil && r.set[0] == set[0] }):
			rows = m.inGroup(rows, m.group(q.Caller))
		default:
			if rows = inSet(rows, set); len(rows) == 0 {
				return -1, nil, nil
			}
		}
	default:
		panic("the model has no " + q.Method)
	}
	for _, r := range rows {
		if r.active {
			active = append(active, r.EndpointF)
		} else {
			inactive = append(inactive, r.EndpointF)
		}
	}
	return 0, active, inactive
}

func where(rows []modelRow, match func(modelRow) bool) []modelRow {
	var matching []modelRow
	for _, r := range rows {
		if match(r) {
			matching = append(matching, r)
		}
	}
	return matching
}

func anyActive(rows []modelRow) bool {
	return slices.ContainsFunc(rows, func(r modelRow) bool { return r.active })
}

func inSet(rows []modelRow, set []string) []modelRow {
	area := where(rows, func(r modelRow) bool { return r.set != nil && r.set[0] == set[0] && r.set[1] == set[1] })
	if set[2] == "*" {
		return area
	}
	if exact := where(area, func(r modelRow) bool { return r.set[2] == set[2] }); len(exact) > 0 {
		return exact
	}
	return where(area, func(r modelRow) bool { return r.set[2] == "*" })
}

func (m *Model) inGroup(rows []modelRow, group int32) []modelRow {
	if group == -1 {
		return rows
	}
	if own := where(rows, func(r modelRow) bool { return r.Groupworkid == group }); anyActive(own) {
		return own
	}
	for _, priority := range m.priorities() {
		list := m.numbers(priority.Groups)
		if !slices.Contains(list, group) {
			continue
		}
		if those := where(rows, func(r modelRow) bool { return slices.Contains(list, r.Groupworkid) }); anyActive(those) {
			return those
		}
	}
	if ungrouped := where(rows, func(r modelRow) bool { return r.Groupworkid == -1 }); anyActive(ungrouped) {
		return ungrouped
	}
	return rows
}

func (m *Model) priorities() []naming.GroupPriority {
	return slices.SortedStableFunc(slices.Values(m.Priorities), func(a, b naming.GroupPriority) int {
		return cmp.Compare(a.Order, b.Order)
	})
}

func (m *Model) station(name string) *naming.GroupPriority {
	for _, priority := range m.priorities() {
		if priority.Station == name {
			return &priority
		}
	}
	return nil
}

// numbers reads a group_list of digits, signs and separators.
func (m *Model) numbers(list string) []int32 {
	var numbers []int32
	for word := range strings.FieldsSeq(strings.NewReplacer("|", " ", ",", " ", ";", " ").Replace(list)) {
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			panic(err)
		}
		numbers = append(numbers, int32(n))
	}
	return numbers
}

// group is that of a host or a caller.
func (m *Model) group(host string) int32 {
	rules := slices.SortedFunc(slices.Values(m.Rules), func(a, b naming.GroupRule) int { return cmp.Compare(b.ID, a.ID) })
	names := []string{host}
	if octets := strings.Split(host, "."); len(octets) == 4 {
		valid := true
		for _, octet := range octets {
			n, err := strconv.Atoi(octet)
			valid = valid && err == nil && n >= 0 && n <= 255 && strconv.Itoa(n) == octet
		}
		if valid {
			names = append(names, strings.Join(octets[:3], ".")+".*")
		}
	}
	for _, name := range names {
		for _, rule := range rules {
			if slices.Contains(strings.Split(rule.AllowRule, "|"), name) {
				return rule.ID
			}
		}
	}
	return -1
}

// named is the group with a name.
func (m *Model) named(name string) int32 {
	for _, rule := range m.Rules {
		if rule.Name == name {
			return rule.ID
		}
	}
	return -1
}

// form reads an endpoint of one of the Forms.
func (m *Model) form(endpoint string) (tars.EndpointF, bool) {
	host, port, ok := matrixAddress(endpoint)
	words := strings.Fields(endpoint)
	for i := 1; i < len(words); i++ {
		switch {
		case words[i-1] == "-h" && words[i] == host:
			words[i] = "HOST"
		case words[i-1] == "-p" && words[i] == strconv.Itoa(int(port)):
			words[i] = "PORT"
		}
	}
	text := strings.Join(words, " ")
	for _, form := range Forms() {
		if ok && form.Text == text && !form.Bad {
			form.Host, form.Port = host, port
			return form.EndpointF, true
		}
	}
	return tars.EndpointF{}, false
}

// rows are the endpoints of an object.
func (m *Model) rows(id string) []modelRow {
	var rows []modelRow
	for _, instance := range m.Instances {
		for _, adapter := range instance.Adapters {
			if instance.Server == nil || adapter.Servant != id || instance.Server.BakFlag == 1 {
				continue
			}
			if r, ok := m.row(instance, adapter.Endpoint); ok {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func (m *Model) row(instance *naming.Instance, endpoint string) (modelRow, bool) {
	server := instance.Server
	r := modelRow{active: server.SettingState == "active" && server.PresentState == "active"}
	if server.FlowState == "inactive" || (server.FlowState == "" && server.GridFlag == "NO_FLOW") {
		r.active = false
	}
	form, found := m.form(endpoint)
	r.EndpointF = form
	r.NodeName, r.BakFlag = instance.Node, server.BakFlag
	r.Grouprealid = m.group(r.Host)
	if name := strings.TrimSpace(server.IPGroupName); name != "" {
		r.Grouprealid = m.named(name)
	}
	r.Groupworkid = -1
	if server.EnableGroup {
		r.Groupworkid = r.Grouprealid
	}
	if server.EnableSet {
		set := []string{server.SetName, server.SetArea, server.SetGroup}
		r.SetId = strings.Join(set, ".")
		if !slices.Contains(set, "") && set[0] != "*" && set[1] != "*" {
			r.set = set
		}
	}
	return r, found
}
