package registryclient

import (
	"slices"
	"testing"
)

func TestParseLocator(t *testing.T) {
	for _, tt := range []struct {
		text   string
		object string
		at     []string // addresses; nil: an error
	}{
		{"tars.tarsregistry.QueryObj@tcp -h tars-registry.tars-system.svc.cluster.local -p 17890",
			"tars.tarsregistry.QueryObj", []string{"tars-registry.tars-system.svc.cluster.local:17890"}},
		{"o@tcp -h 10.0.0.1 -p 1:tcp -h 10.0.0.2 -p 2 -t 60000: ssl -h c -p 3", "o", []string{"10.0.0.1:1", "10.0.0.2:2", "c:3"}},
		{"o@tcp -h fd00::1 -p 1:tcp -h ::1 -p 2", "o", []string{"[fd00::1]:1", "[::1]:2"}},
		{" o@tcp -h a -p 1\n", "o", []string{"a:1"}},
		{"", "", nil},
		{"tcp -h a -p 1", "", nil},
		{"@tcp -h a -p 1", "", nil},
		{"o@", "", nil},
		{"o@tcp -h a", "", nil},
		{"o@tcp -h a -p 99999", "", nil},
		{"o@http -h a -p 1", "", nil},
	} {
		locator, err := ParseLocator(tt.text)
		if tt.at == nil {
			if err == nil {
				t.Errorf("%q: no error", tt.text)
			}
			continue
		}
		var at []string
		for _, e := range locator.Endpoints {
			at = append(at, e.Address())
		}
		if err != nil || locator.Object != tt.object || !slices.Equal(at, tt.at) {
			t.Errorf("%q: %s %v %v", tt.text, locator.Object, at, err)
		}
	}
}

func FuzzParseLocator(f *testing.F) {
	f.Add("o@tcp -h fd00::1 -p 1:tcp -h ::1 -p 2")
	f.Add("o@:::tcp ")
	f.Fuzz(func(t *testing.T, text string) {
		locator, err := ParseLocator(text)
		if err != nil {
			return
		}
		if locator.Object == "" || len(locator.Endpoints) == 0 {
			t.Errorf("%q is %+v", text, locator)
		}
		for _, e := range locator.Endpoints {
			if e.Port == 0 {
				t.Errorf("%q has an endpoint without a port", text)
			}
		}
	})
}
