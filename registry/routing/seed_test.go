package routing

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// sqlRow is a row of an INSERT: text by column, absent where NULL.
type sqlRow map[string]string

// readInserts reads statements of the form
// INSERT INTO table (columns) VALUES (values);, one a line.
func readInserts(t testing.TB, path string) map[string][]sqlRow {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tables := make(map[string][]sqlRow)
	for line := range strings.Lines(string(text)) {
		rest, found := strings.CutPrefix(strings.TrimSpace(line), "INSERT INTO ")
		if !found {
			continue
		}
		table, rest, _ := strings.Cut(rest, " (")
		columns, values, found := strings.Cut(rest, ") VALUES (")
		if !found {
			t.Fatalf("not an insert: %s", line)
		}
		row := make(sqlRow)
		for _, column := range strings.Split(columns, ",") {
			value, null, rest := readValue(t, values)
			if !null {
				row[column] = value
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

func (r sqlRow) number(t testing.TB, column string) int32 {
	t.Helper()
	n, err := strconv.ParseInt(r[column], 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", column, err)
	}
	return int32(n)
}

func (r sqlRow) flag(column string) bool { return r[column] == "Y" || r[column] == "y" }

// readSeed makes contents of the seed rows as reading them from the tables does.
func readSeed(t testing.TB) Contents {
	t.Helper()
	tables := readInserts(t, "testdata/queryobj.sql")
	var contents Contents
	instances := make(map[naming.Key]*naming.Instance)
	for _, r := range tables["t_server_conf"] {
		instance := &naming.Instance{
			Key: naming.Key{Application: r["application"], Server: r["server_name"], Node: r["node_name"]},
			Server: &naming.Server{
				SettingState: naming.State(r["setting_state"]), PresentState: naming.State(r["present_state"]),
				FlowState: naming.State(r["flow_state"]), BakFlag: r.number(t, "bak_flag"),
				EnableSet: r.flag("enable_set"), SetName: r["set_name"], SetArea: r["set_area"], SetGroup: r["set_group"],
				EnableGroup: r.flag("enable_group"), IPGroupName: r["ip_group_name"],
			},
		}
		instances[instance.Key.Fold()] = instance
		contents.Instances = append(contents.Instances, instance)
	}
	for _, r := range tables["t_adapter_conf"] {
		key := naming.Key{Application: r["application"], Server: r["server_name"], Node: r["node_name"]}.Fold()
		instance := instances[key]
		if instance == nil { // an adapter without its server row
			instance = &naming.Instance{Key: key}
			instances[key] = instance
			contents.Instances = append(contents.Instances, instance)
		}
		instance.Adapters = append(instance.Adapters, naming.Adapter{
			Name: r["adapter_name"], Servant: r["servant"], Endpoint: r["endpoint"],
		})
	}
	for _, r := range tables["t_server_group_rule"] {
		contents.Rules = append(contents.Rules, naming.GroupRule{
			ID: r.number(t, "group_id"), Name: r["group_name"], AllowRule: r["allow_ip_rule"],
		})
	}
	for _, r := range tables["t_group_priority"] {
		contents.Priorities = append(contents.Priorities, naming.GroupPriority{
			ID: r.number(t, "id"), Groups: r["group_list"], Order: r.number(t, "list_order"),
			Station: r["station"], GroupName: r["name"],
		})
	}
	for _, r := range tables["t_registry_info"] {
		contents.Registries = append(contents.Registries, naming.RegistryEntry{
			Locator: r["locator_id"], Servant: r["servant"], Endpoint: r["endpoint"],
			PresentState: naming.State(r["present_state"]), EnableGroup: r.flag("enable_group"),
			Version: r["tars_version"],
		})
	}
	return contents
}
