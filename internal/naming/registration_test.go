package naming

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func good() Registration {
	return Registration{
		Key: Key{Application: "App", Server: "Server", Node: "10.0.0.1"},
		Adapters: []Adapter{
			{Servant: "App.Server.Two", Endpoint: "tcp -h 10.0.0.1 -p 2 -t 60000", Protocol: "not_tars"},
			{Servant: "App.Server.One", Endpoint: "tcp -h 10.0.0.1 -p 1 -t 60000"},
		},
		SetID: "name.area.1", Version: "v1.2 (build 7)", ServerType: "tars_go",
	}
}

func TestNormalizeFillsIn(t *testing.T) {
	r := good()
	r.Key.Application, r.Key.Node = "App  ", "10.0.0.1 "
	if err := r.Normalize(); err != nil {
		t.Fatal(err)
	}
	if r.Key != (Key{"App", "Server", "10.0.0.1"}) {
		t.Errorf("trailing blanks are kept: %+v", r.Key)
	}
	if r.State != Active {
		t.Errorf("the empty state is %q, want active", r.State)
	}
	one := r.Adapters[0]
	if one.Name != "App.Server.OneAdapter" || one.Protocol != "tars" {
		t.Errorf("the first adapter by name is %+v", one)
	}
}

func TestNormalizeNamesTheField(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, test := range []struct {
		field string
		spoil func(*Registration)
	}{
		{"nodeName", func(r *Registration) { r.Key.Node = "" }},
		{"nodeName", func(r *Registration) { r.Key.Node = long(51) }},
		{"nodeName", func(r *Registration) { r.Key.Node = "10.0.0.1' OR '1'='1" }},
		{"application", func(r *Registration) { r.Key.Application = "  " }},
		{"application", func(r *Registration) { r.Key.Application = long(51) }},
		{"application", func(r *Registration) { r.Key.Application = "a.b" }},
		{"server", func(r *Registration) { r.Key.Server = "a\x00b" }},
		{"server", func(r *Registration) { r.Key.Server = long(10 << 20) }},
		{"State", func(r *Registration) { r.State = "Active" }},
		{"State", func(r *Registration) { r.State = Destroyed }},
		{"setID", func(r *Registration) { r.SetID = "name.area" }},
		{"setID area", func(r *Registration) { r.SetID = "name..1" }},
		{"setID name", func(r *Registration) { r.SetID = "*.area.1" }},
		{"setID name", func(r *Registration) { r.SetID = long(17) + ".area.1" }},
		{"Version", func(r *Registration) { r.Version = long(129) }},
		{"Version", func(r *Registration) { r.Version = "\xff" }},
		{"templateName", func(r *Registration) { r.TemplateName = "a;b" }},
		{"serverType", func(r *Registration) { r.ServerType = "tars_rust" }},
		{"adapters", func(r *Registration) { r.Adapters = make([]Adapter, MaxAdapters+1) }},
		{"adapters[0].servant", func(r *Registration) { r.Adapters[0].Servant = "" }},
		{"adapters[1].servant", func(r *Registration) { r.Adapters[1].Servant = "Other.Server.One" }},
		{"adapters[1].servant", func(r *Registration) { r.Adapters[1].Servant = "App.Server." }},
		{"adapters[1].servant", func(r *Registration) {
			r.Adapters[1].Servant = "app.server.two"
			r.Adapters[0].Servant = "App.Server.TWO"
		}},
		{"adapters[0].servant", func(r *Registration) { r.Adapters[0].Servant = "App.Server." + long(90) }},
		{"adapters[0].endpoint", func(r *Registration) { r.Adapters[0].Endpoint = "garbage" }},
		{"adapters[0].endpoint", func(r *Registration) { r.Adapters[0].Endpoint = "tcp -h 10.0.0.1 -p 65536" }},
		{"adapters[0].endpoint", func(r *Registration) { r.Adapters[0].Endpoint = "tcp -h 10.0.0.1 -p 0" }},
		{"adapters[0].endpoint", func(r *Registration) { r.Adapters[0].Endpoint = "tcp -h 0.0.0.0 -p 80" }},
		{"adapters[0].endpoint", func(r *Registration) { r.Adapters[0].Endpoint = "tcp -h " + long(128) + " -p 80" }},
		{"adapters[0].maxConns", func(r *Registration) { r.Adapters[0].MaxConnections = -1 }},
		{"adapters[0].threadNum", func(r *Registration) { r.Adapters[0].ThreadNum = -1 }},
		{"adapters[0].queueCap", func(r *Registration) { r.Adapters[0].QueueCap = -1 }},
		{"adapters[0].queueTimeout", func(r *Registration) { r.Adapters[0].QueueTimeout = -1 }},
		{"adapters[0].protocol", func(r *Registration) { r.Adapters[0].Protocol = "tars; drop" }},
	} {
		r := good()
		test.spoil(&r)
		err := r.Normalize()
		refused, ok := errors.AsType[*InvalidError](err)
		if !ok || refused.Field != test.field {
			t.Errorf("want an error that names %s, got %v", test.field, err)
			continue
		}
		if len(err.Error()) > 300 {
			t.Errorf("the message for %s is %d bytes long", test.field, len(err.Error()))
		}
	}
}

func TestR15LengthsAreCharacters(t *testing.T) {
	r := good()
	r.Version = strings.Repeat("版", 128)
	if err := r.Normalize(); err != nil {
		t.Errorf("128 characters of three bytes fit, but: %v", err)
	}
}

func TestR15KeysFoldAsTheCollationDoes(t *testing.T) {
	a := Key{"App", "SERVER", "Node  "}
	b := Key{"app", "Server ", "NODE"}
	if a.Fold() != b.Fold() {
		t.Errorf("%v and %v fold differently", a.Fold(), b.Fold())
	}
	if a.Fold() == (Key{"app", "server", "node2"}) {
		t.Error("different nodes fold to the same")
	}
}

func TestR8States(t *testing.T) {
	for text, want := range map[string]State{
		"": Active, "active": Active, "inactive": Inactive, "activating": Activating, "deactivating": Deactivating,
	} {
		if got, err := ParseReported("state", text); err != nil || got != want {
			t.Errorf("ParseReported(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"ACTIVE", "destroyed", " active", "1"} {
		if got, err := ParseReported("state", text); err == nil {
			t.Errorf("ParseReported(%q) = %q, want an error", text, got)
		}
	}
}

// FuzzFold: both forms of folding agree, and folding twice changes nothing.
func FuzzFold(f *testing.F) {
	f.Add("App ")
	f.Add("ÄPFEL")
	f.Fuzz(func(t *testing.T, name string) {
		folded := Fold(name)
		if got := string(AppendFold(nil, []byte(name))); got != folded {
			t.Errorf("AppendFold(%q) = %q, Fold = %q", name, got, folded)
		}
		if again := Fold(folded); again != folded {
			t.Errorf("Fold(%q) = %q, folded again %q", name, folded, again)
		}
	})
}

// FuzzNormalize: whatever a registration holds, it is refused or fits the tables.
func FuzzNormalize(f *testing.F) {
	f.Add("App", "Server", "10.0.0.1", "a.b.1", "v1", "App.Server.Obj", "tcp -h 10.0.0.1 -p 80")
	f.Fuzz(func(t *testing.T, application, server, node, set, version, servant, endpoint string) {
		r := Registration{
			Key: Key{application, server, node}, SetID: set, Version: version,
			Adapters: []Adapter{{Servant: servant, Endpoint: endpoint}},
		}
		if r.Normalize() != nil {
			return
		}
		for limit, texts := range map[int][]string{
			50:  {r.Key.Application, r.Key.Node},
			100: {r.Adapters[0].Name},
			128: {r.Key.Server, r.Version, r.Adapters[0].Servant, r.Adapters[0].Endpoint},
		} {
			for _, text := range texts {
				if utf8.RuneCountInString(text) > limit || !utf8.ValidString(text) || strings.ContainsAny(text, "'\x00;") {
					t.Errorf("accepted %q", text)
				}
			}
		}
	})
}
