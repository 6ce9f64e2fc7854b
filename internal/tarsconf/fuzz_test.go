package tarsconf

import (
	"errors"
	"strings"
	"testing"
)

func seeds(f *testing.F) {
	for _, s := range []string{sample, odd, "<a>\nk=v\n</a>", "<a><b>k=v</b></a>", "<!-- x -->", "=", "<a>\n=\n\\=\n#\n</a>", "\ufeff"} {
		f.Add(s, s)
	}
}

// What is parsed is given back byte for byte, and says the same when laid out
// anew, to us and to the other readers.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text, _ string) {
		d, err := Parse(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("Parse(%q): %v has no line of the text", text, err)
			}
			return
		}
		if got := d.String(); got != text {
			t.Fatalf("String = %q, want %q", got, text)
		}
		problems := d.Problems()
		out := d.Format()
		again := mustParse(t, out)
		same(t, "a second Parse", out, flatten(again), sepLines(flatten(d)))
		if twice := again.Format(); twice != out {
			t.Fatalf("Format is not stable: %q, then %q", out, twice)
		}
		if len(problems) == 0 && len(keys(d, "/")) == 0 && !strings.Contains(out, "\n=") && !strings.Contains(out, " =") {
			same(t, "TarsGo", out, flattenTarsGo(t, out, d), sepLines(flatten(d)))
			same(t, "TarsCpp", out, flattenTarsCpp(t, out), sepLines(flatten(d)))
		}
	})
}

// Whatever is merged can be read again, and has all of the overlay's values.
func FuzzMerge(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, base, over string) {
		d, err := Parse(base)
		if err != nil {
			return
		}
		o, err := Parse(over)
		if err != nil {
			return
		}
		d.Merge(o)
		again, err := Parse(d.String())
		if err != nil {
			t.Fatalf("%q over %q gives %q: %v", over, base, d, err)
		}
		merged := flatten(again)
		for path, value := range flatten(o) {
			if strings.HasSuffix(path, ">") && merged[path] != value {
				t.Fatalf("%q over %q: %s is %q, want %q in %q", over, base, path, merged[path], value, d)
			}
		}
	})
}

// Set refuses or sets: nothing else becomes of any value.
func FuzzSet(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, key, value string) {
		d := mustParse(t, "<a>\nz=1\n</a>")
		if err := d.Set("/a<"+key+">", value); err != nil {
			return
		}
		again := mustParse(t, d.String())
		if got, ok := again.Lookup("/a<" + key + ">"); !ok || got != value {
			t.Fatalf("Set(%q, %q) gives %q", key, value, d)
		}
		if made := keys(again, "/a"); len(made) > 2 {
			t.Fatalf("Set(%q, %q) made keys %q", key, value, made)
		}
	})
}
