package routingtest

import (
	_ "embed"
	"strconv"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

//go:embed testdata/queryobj.sql
var seedRows string

// Row is a row of a table: text by column, nil where NULL.
type Row map[string]*string

// text is a column's, "" where NULL.
func (r Row) text(column string) string {
	if value := r[column]; value != nil {
		return *value
	}
	return ""
}

// Rows are the seed rows by table, as the statements of testdata/queryobj.sql
// have them.
func Rows(t testing.TB) map[string][]Row {
	t.Helper()
	tables := make(map[string][]Row)
	for line := range strings.Lines(seedRows) {
		rest, found := strings.CutPrefix(strings.TrimSpace(line), "INSERT INTO ")
		if !found {
			continue
		}
		table, rest, _ := strings.Cut(rest, " (")
		columns, values, found := strings.Cut(rest, ") VALUES (")
		if !found {
			t.Fatalf("not an insert: %s", line)
		}
		row := make(Row)
		for column := range strings.SplitSeq(columns, ",") {
			value, null, rest := readValue(t, values)
			if row[column] = &value; null {
				row[column] = nil
			}
			values = strings.TrimPrefix(rest, ",")
		}
		if values != ");" {
			t.Fatalf("left over in %s: %s", line, values)
		}
		tables[table] = append(tables[table], row)
	}
	return tables
}

// readValue reads a number, NULL, or a quoted text.
func readValue(t testing.TB, from string) (value string, null bool, rest string) {
	t.Helper()
	if !strings.HasPrefix(from, "'") {
		end := strings.IndexAny(from, ",)")
		return from[:end], from[:end] == "NULL", from[end:]
	}
	var text strings.Builder
	for i := 1; i < len(from); i++ {
		switch {
		case from[i] == '\\':
			i++
			text.WriteByte(unescape(from[i]))
		case from[i] == '\'' && strings.HasPrefix(from[i+1:], "'"):
			i++
			text.WriteByte('\'')
		case from[i] == '\'':
			return text.String(), false, from[i+1:]
		default:
			text.WriteByte(from[i])
		}
	}
	t.Fatalf("unterminated text: %s", from)
	return "", false, ""
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	}
	return c
}

func (r Row) number(t testing.TB, column string) int32 {
	t.Helper()
	n, err := strconv.ParseInt(r.text(column), 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", column, err)
	}
	return int32(n)
}

func (r Row) flag(column string) bool { return strings.EqualFold(r.text(column), "y") }

// Seed is what the seed rows say, as reading them from the tables gives it.
type Seed struct {
	Instances  []*naming.Instance
	Rules      []naming.GroupRule
	Priorities []naming.GroupPriority
	Registries []naming.RegistryEntry
}

// ReadSeed reads the seed rows; rules are added to the allow_ip_rule of groups.
func ReadSeed(t testing.TB, rules map[int32]string) Seed {
	t.Helper()
	tables := Rows(t)
	var seed Seed
	instances := make(map[naming.Key]*naming.Instance)
	for _, r := range tables["t_server_conf"] {
		instance := &naming.Instance{
			Key: naming.Key{Application: r.text("application"), Server: r.text("server_name"), Node: r.text("node_name")},
			Server: &naming.Server{
				SettingState: naming.State(r.text("setting_state")), PresentState: naming.State(r.text("present_state")),
				FlowState: naming.State(r.text("flow_state")), BakFlag: r.number(t, "bak_flag"),
				EnableSet: r.flag("enable_set"), SetName: r.text("set_name"), SetArea: r.text("set_area"), SetGroup: r.text("set_group"),
				EnableGroup: r.flag("enable_group"), IPGroupName: r.text("ip_group_name"),
			},
		}
		instances[instance.Key.Fold()] = instance
		seed.Instances = append(seed.Instances, instance)
	}
	for _, r := range tables["t_adapter_conf"] {
		key := naming.Key{Application: r.text("application"), Server: r.text("server_name"), Node: r.text("node_name")}.Fold()
		instance := instances[key]
		if instance == nil { // an adapter without its server row
			instance = &naming.Instance{Key: key}
			instances[key] = instance
			seed.Instances = append(seed.Instances, instance)
		}
		instance.Adapters = append(instance.Adapters, naming.Adapter{
			Name: r.text("adapter_name"), Servant: r.text("servant"), Endpoint: r.text("endpoint"),
		})
	}
	for _, r := range tables["t_server_group_rule"] {
		rule := naming.GroupRule{ID: r.number(t, "group_id"), Name: r.text("group_name"), AllowRule: r.text("allow_ip_rule")}
		if more := rules[rule.ID]; more != "" {
			rule.AllowRule += "|" + more
		}
		seed.Rules = append(seed.Rules, rule)
	}
	for _, r := range tables["t_group_priority"] {
		seed.Priorities = append(seed.Priorities, naming.GroupPriority{
			ID: r.number(t, "id"), Groups: r.text("group_list"), Order: r.number(t, "list_order"),
			Station: r.text("station"), GroupName: r.text("name"),
		})
	}
	for _, r := range tables["t_registry_info"] {
		seed.Registries = append(seed.Registries, naming.RegistryEntry{
			Locator: r.text("locator_id"), Servant: r.text("servant"), Endpoint: r.text("endpoint"),
			PresentState: naming.State(r.text("present_state")), EnableGroup: r.flag("enable_group"),
			Version: r.text("tars_version"),
		})
	}
	return seed
}
