package tarsconf

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = `# a server
<tars>
  <application>
    enableset=n
    <client>
       locator = tars.tarsregistry.QueryObj@tcp -h 10.0.0.1 -p 17890:tcp -h 10.0.0.2 -p 17890
       sync-invoke-timeout=3000
    </client>

    <server>
       app=tars
       app=late
       empty=
       <Obj.Adapter>
          threads=5
       </Obj.Adapter>
       <list>
          10.0.0.1
          # not this one
          10.0.0.2
          key=1
          key=2
       </list>
    </server>
  </application>
</tars>
`

func mustParse(t *testing.T, text string) *Document {
	t.Helper()
	d, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return d
}

func TestLookup(t *testing.T) {
	d := mustParse(t, sample)
	tests := []struct {
		path, want string
		ok         bool
	}{
		{"/tars/application<enableset>", "n", true},
		{"/tars/application/client<locator>", "tars.tarsregistry.QueryObj@tcp -h 10.0.0.1 -p 17890:tcp -h 10.0.0.2 -p 17890", true},
		{"/tars/application/server/<app>", "late", true},
		{"/tars/application/server<empty>", "", true},
		{"/tars/application/server<App>", "", false},
		{"/tars/application/server/Obj.Adapter<threads>", "5", true},
		{"/tars/application/server/list<10.0.0.1>", "", true},
		{"/tars/application/server/list<10.0.0.3>", "", false},
		{"/tars/nowhere/server<app>", "", false},
		{"/tars/application/server", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if got, ok := d.Lookup(tt.path); got != tt.want || ok != tt.ok {
			t.Errorf("Lookup(%q) = %q, %t; want %q, %t", tt.path, got, ok, tt.want, tt.ok)
		}
	}
}

func TestLists(t *testing.T) {
	d := mustParse(t, sample)
	check := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s = %q, want %q", what, got, want)
		}
	}
	check("domains", d.Domains("/tars/application"), "client", "server")
	check("root domains", d.Domains("/"), "tars")
	check("keys", keys(d, "/tars/application/server"), "app", "empty")
	check("lines", lines(d, "/tars/application/server/list"), "10.0.0.1", "10.0.0.2", "key=1", "key=2")
	check("lines of nothing", lines(d, "/none"))
	if !d.HasDomain("/tars/application/server/list/") || d.HasDomain("/tars/application/server/app") {
		t.Error("HasDomain takes a key for a domain or misses one")
	}
}

func TestRepeatedDomainIsOne(t *testing.T) {
	d := mustParse(t, "<a>\nx=1\ny=1\n</a>\n<b>\n</b>\n<a>\nx=2\nz=1\n</a>\n")
	if got := d.Get("/a<x>", ""); got != "2" {
		t.Errorf("x = %q, want the last one, 2", got)
	}
	if got := keys(d, "/a"); !slices.Equal(got, []string{"x", "y", "z"}) {
		t.Errorf("keys = %q", got)
	}
	if got := d.Domains("/"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("domains = %q", got)
	}
}

func TestInt(t *testing.T) {
	d := mustParse(t, "<a>\nn=42\nbad=4x\nempty=\n</a>\n")
	if got, err := d.Int("/a<n>", 7); got != 42 || err != nil {
		t.Errorf("Int = %d, %v", got, err)
	}
	if got, err := d.Int("/a<empty>", 7); got != 7 || err != nil {
		t.Errorf("Int of an empty value = %d, %v", got, err)
	}
	if _, err := d.Int("/a<bad>", 1); err == nil || !strings.Contains(err.Error(), "line 3: /a<bad> is \"4x\"") {
		t.Errorf("error = %v, want one that names line, path and value", err)
	}
}

func TestSyntaxErrors(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
		want       string
	}{
		{"not closed", "<a>\n<b>\n</b>\n", 1, "<a> is not closed"},
		{"wrong close", "<a>\n<b>\nk=v\n</a>\n", 4, "</a> stands where <b> of line 2 has to be closed"},
		{"closes nothing", "<a>\n</a>\n</a>\n", 3, "</a> closes nothing"},
		{"half a tag", "<a>\n<b\n</a>\n", 2, "has no > in the same line"},
		{"< in a value", "<a>\nk=1<2\n</a>\n", 2, "a < can't stand in a value"},
		{"no name", "<a>\n<>\n</a>\n", 2, "the name is empty"},
		{"attribute", "<a b=c>\n</a>\n", 1, "no blanks"},
		{"self-closing", "\n<a/>\n", 2, "two tags"},
		{"cdata", "<![CDATA[x]]>\n", 1, "only comments"},
		{"endless comment", "<a>\n<!-- x\n</a>\n", 2, "has no end"},
		{"too deep", strings.Repeat("<a>\n", maxDepth+1), maxDepth + 1, "deeper than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line != tt.line || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want line %d: …%s…", err, tt.line, tt.want)
			}
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.conf")
	if _, err := Load(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(file, []byte("<a>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || err.Error() != file+": line 1: <a> is not closed" {
		t.Errorf("broken file: %v", err)
	}
}

// odd holds every way of writing that Parse takes.
const odd = "\ufeff<?xml version=\"1.0\"?>\r\n<!-- two\n  lines <x> --><a><b>k=v</b>\t</a> # rest <a>\n\n\n" +
	"#<no>tag</no> & more\n<a>\n\tk\\=1 = 2 = 3 <!-- x -->\n  bare word\n <c>\n</c>x=1"

func TestRoundTrip(t *testing.T) {
	for _, text := range []string{"", "\n", sample, odd, strings.ReplaceAll(sample, "\n", "\r\n"), strings.TrimSuffix(sample, "\n")} {
		text := strings.TrimSuffix(text, "x=1") // odd leaves <a> open without this
		if strings.Contains(text, "bare word") {
			text += "</a>"
		}
		if got := mustParse(t, text).String(); got != text {
			t.Errorf("String = %q\nwant     %q", got, text)
		}
	}
}

func TestOddWritings(t *testing.T) {
	d := mustParse(t, odd+"</a>\n")
	if got := d.Get("/a/b<k>", ""); got != "v" {
		t.Errorf("inline value = %q", got)
	}
	if got := lines(d, "/a"); !slices.Equal(got, []string{`k\=1 = 2 = 3`, "bare word", "x=1"}) {
		t.Errorf("lines = %q", got)
	}
	if got := d.Get(`/a<k\=1>`, ""); got != "2 = 3" {
		t.Errorf("escaped key = %q", got)
	}
	if got := keys(d, "/"); len(got) != 0 {
		t.Errorf("keys outside of all domains: %q", got)
	}
}
