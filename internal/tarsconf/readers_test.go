package tarsconf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/util/conf"
)

// flat is a document as a reader sees it: values and bare lists by path.
type flat map[string]string

func flatten(d *Document) flat {
	seen := flat{}
	var walk func(path string)
	walk = func(path string) {
		for _, key := range keys(d, path) {
			seen[path+"<"+key+">"], _ = d.Lookup(path + "<" + key + ">")
		}
		seen[path] = strings.Join(lines(d, path), "\n")
		for _, name := range d.Domains(path) {
			walk(path + "/" + name)
		}
	}
	walk("")
	return seen
}

// entriesAt are the entries of the domain at the path, in order.
func entriesAt(d *Document, path string) []*entry {
	var found []*entry
	domains, _ := splitPath(path)
	for _, dom := range d.find(domains) {
		for _, n := range dom.nodes {
			if e, ok := n.(*entry); ok {
				found = append(found, e)
			}
		}
	}
	return found
}

// keys are the keys in the domain at the path, in order, each once.
func keys(d *Document, path string) []string {
	var found []string
	for _, e := range entriesAt(d, path) {
		if !slices.Contains(found, e.key) {
			found = append(found, e.key)
		}
	}
	return found
}

// lines are the domain's lines as they stand, trimmed, comments left out,
// repeated ones kept.
func lines(d *Document, path string) []string {
	var found []string
	for _, e := range entriesAt(d, path) {
		found = append(found, strings.Trim(e.text, blanks))
	}
	return found
}

func flattenTarsGo(t testing.TB, text string, d *Document) flat {
	c := conf.New()
	if err := c.InitFromString(text); err != nil {
		t.Fatalf("TarsGo: %v\n%s", err, text)
	}
	seen := flat{}
	var walk func(path string)
	walk = func(path string) {
		for key, value := range c.GetMap(path + "/") {
			seen[path+"<"+key+">"] = value
		}
		seen[path] = strings.Join(c.GetDomainLine(path+"/"), "\n")
		domains := c.GetDomain(path + "/")
		slices.Sort(domains)
		for _, name := range domains {
			walk(path + "/" + name)
		}
	}
	walk("")
	return seen
}

// flattenTarsCpp follows the rules of TarsCpp's reader: a line is a tag when it
// begins with <, and whatever stands behind the tag is not read.
func flattenTarsCpp(t testing.TB, text string) flat {
	values, lines := flat{}, map[string][]string{"": nil}
	var stack []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Trim(line, " \t\r\n")
		path := strings.Join(stack, "")
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "</"):
			name := line[2:strings.IndexByte(line, '>')]
			if len(stack) == 0 || stack[len(stack)-1] != "/"+name {
				t.Fatalf("TarsCpp: </%s> does not match in\n%s", name, text)
			}
			stack = stack[:len(stack)-1]
		case line[0] == '<':
			stack = append(stack, "/"+line[1:strings.IndexByte(line, '>')])
			path = strings.Join(stack, "")
			lines[path] = append(lines[path], []string{}...)
		default:
			key, value, _ := strings.Cut(line, "=")
			values[path+"<"+strings.Trim(key, " \t")+">"] = strings.Trim(value, " \t")
			lines[path] = append(lines[path], line)
		}
	}
	if len(stack) != 0 {
		t.Fatalf("TarsCpp: %v not closed in\n%s", stack, text)
	}
	for path, l := range lines {
		values[path] = strings.Join(l, "\n")
	}
	return values
}

func same(t testing.TB, reader, text string, got, want flat) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s reads\n%s\nwe read\n%s\nin\n%s", reader, g, w, text)
	}
}

func TestReadersAgree(t *testing.T) {
	for _, text := range []string{
		sample,
		"<a><b>k=v</b></a>",
		"<a>\n# see <b> & co\n<!-- x\n<y>\n-->\nk=v\n</a>\n<a>\nk=w\n</a> # more <c>\n",
		"<a>\nurl=http://h/p?x=1\nipv6=tcp -h 2001:db8::1 -p 1\n名=值\n</a>\n",
		"<a>\n# \xff\xfe gbk \x01\nk=v\n</a>\n",
	} {
		d := mustParse(t, text)
		if p := d.Problems(); len(p) > 0 {
			t.Errorf("problems %v in\n%s", p, text)
		}
		out := d.Format()
		same(t, "TarsGo", out, flattenTarsGo(t, out, d), sepLines(flatten(d)))
		same(t, "TarsCpp", out, flattenTarsCpp(t, out), sepLines(flatten(d)))
		same(t, "a second Parse", out, flatten(mustParse(t, out)), sepLines(flatten(d)))
	}
}

// sepLines writes lines as Format does, without blanks round the sign.
func sepLines(f flat) flat {
	for path, lines := range f {
		if strings.HasSuffix(path, ">") || lines == "" {
			continue
		}
		var out []string
		for line := range strings.SplitSeq(lines, "\n") {
			key, value, bare := splitEntry(line)
			out = append(out, (&entry{key: key, value: value, bare: bare}).format())
		}
		f[path] = strings.Join(out, "\n")
	}
	return f
}

func TestFormat(t *testing.T) {
	d := mustParse(t, "\n\n<a><b> k = v </b>\n\n\n<!-- two\nlines & <tags> -->\n bare\n\n</a>\n# end")
	want := "<a>\n    <b>\n        k=v\n    </b>\n\n    # two\n    # lines &amp; &lt;tags>\n    bare\n</a>\n# end\n"
	if got := d.Format(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ text, want string }{
		{"<a>\nk=x&y\n</a>", "line 2: k has a & in its line; TarsGo reads nothing behind it"},
		{"<a>\nk=x&amp;y\n</a>", "line 2: k has an XML entity in its line, which TarsGo replaces and TarsCpp does not"},
		{"<a>\nk=x]]>y\n</a>", "line 2: k has ]]> in its line; TarsGo reads nothing behind it"},
		{"<a>\nk=\xff\n</a>", "line 2: k has bytes that are not UTF-8 text; TarsGo reads nothing behind it"},
		{"<a>\nk=C:\\dir\n</a>", "line 2: k has a backslash in its line that TarsCpp can't read: it refuses the whole file"},
		{"<a>\nk=a\\nb\n</a>", "line 2: k has a backslash in its line, which TarsCpp takes for an escape and TarsGo does not"},
		{"<1>\n</1>", "line 1: <1> is not a name in XML; TarsGo reads nothing behind it"},
		{"<a:b>\n</a:b>", "line 1: <a:b> is not a name in XML; TarsGo reads nothing behind it"},
		{"<a>\nb=1\n<b>\n</b>\n</a>", "line 2: b is a key and a domain; TarsGo sees only the later one"},
		{sample, ""},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range mustParse(t, tt.text).Problems() {
			got = append(got, p.String())
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, s, tt.want)
		}
	}
}
