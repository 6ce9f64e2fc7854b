package tarsconf

import "testing"

func TestSet(t *testing.T) {
	d := mustParse(t, "<a>\n  # why\n  x = 1 \r\n  <b>\n  </b>\n</a>\n")
	for path, value := range map[string]string{"/a<x>": "2", "/a<y>": "3"} {
		if err := d.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Set("/a/b/c<z>", "4"); err != nil {
		t.Fatal(err)
	}
	want := "<a>\n  # why\n  x=2 \r\n  y=3\n  <b>\n      <c>\n          z=4\n      </c>\n  </b>\n</a>\n"
	if got := d.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSetFromNothing(t *testing.T) {
	d := New()
	if err := d.AddComment("/tars", "made for you"); err != nil {
		t.Fatal(err)
	}
	if err := d.Set("/tars/application<enableset>", "n"); err != nil {
		t.Fatal(err)
	}
	want := "<tars>\n    # made for you\n    <application>\n        enableset=n\n    </application>\n</tars>\n"
	if got := d.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSetInInlineDomain(t *testing.T) {
	d := mustParse(t, "<a><b>k=v</b></a>")
	if err := d.Set("/a/b<l>", "w"); err != nil {
		t.Fatal(err)
	}
	if err := d.Set("/a<x>", "y"); err != nil {
		t.Fatal(err)
	}
	again := mustParse(t, d.String())
	for path, want := range map[string]string{"/a/b<k>": "v", "/a/b<l>": "w", "/a<x>": "y"} {
		if got := again.Get(path, ""); got != want {
			t.Errorf("%s = %q, want %q in\n%s", path, got, want, d)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	for path, value := range map[string]string{
		"/a":          "no key",
		"/a<>":        "empty key",
		"/a<#k>":      "a comment",
		"/a<k>":       "two\nlines",
		"/a<l>":       "a < b",
		"/a<m>":       " blanks ",
		"/a<n=>":      "equals sign in the key",
		"/a b<k>":     "blank in a name",
		"/a/!--x<k>":  "comment as a name",
		"/a<nul>":     "\x00",
		"/a<return>":  "x\ry",
		"/a< blank >": "blanks round the key",
	} {
		d := New()
		if err := d.Set(path, value); err == nil {
			t.Errorf("Set(%q, %q) was taken: %q", path, value, d)
		}
		if d.String() != "" {
			t.Errorf("Set(%q, %q) left %q", path, value, d)
		}
	}
	if err := New().AddComment("/a", "two\nlines"); err == nil {
		t.Error("a comment of two lines was taken")
	}
}

func TestMerge(t *testing.T) {
	tests := []struct{ name, base, over, want string }{
		{"a leaf wins", "<a>\n  x=1 # in the value\n  y=1\n</a>\n", "<a>\nx=2\n</a>\n", "<a>\n  x=2\n  y=1\n</a>\n"},
		{"an empty leaf wins too", "<a>\n  x=1\n</a>\n", "<a>\nx=\n</a>\n", "<a>\n  x=\n</a>\n"},
		{"new keys follow the old ones", "<a>\n  x=1\n  <b>\n  </b>\n</a>\n", "<a>\ny=2\n</a>\n", "<a>\n  x=1\n  y=2\n  <b>\n  </b>\n</a>\n"},
		{"comments come with what is new", "<a>\n  # old\n  x=1\n</a>\n", "<a>\n# lost\nx=2\n\n# far\n\n# new\ny=2\n# deep\n<b>\n# inner\nz=1\n</b>\n</a>\n",
			"<a>\n  # old\n  x=2\n  # new\n  y=2\n  # deep\n  <b>\n      # inner\n      z=1\n  </b>\n</a>\n"},
		{"bare lines are joined", "<l>\n  1.1.1.1\n</l>\n", "<l>\n2.2.2.2\n1.1.1.1\n</l>\n", "<l>\n  1.1.1.1\n  2.2.2.2\n</l>\n"},
		{"repeated keys replace all", "<l>\n  s=1\n  s=2\n  s=3\n</l>\n", "<l>\ns=8\ns=9\n</l>\n", "<l>\n  s=8\n  s=9\n</l>\n"},
		{"one replaces many", "<l>\n  s=1\n  s=2\n</l>\n", "<l>\ns=8\n</l>\n", "<l>\n  s=8\n</l>\n"},
		{"many replace one", "<l>\n  s=1\n  t=1\n</l>\n", "<l>\ns=8\ns=9\n</l>\n", "<l>\n  s=8\n  s=9\n  t=1\n</l>\n"},
		{"over nothing", "", "<a>\nx=1\n<b>\n</b>\n</a>\n", "<a>\n    x=1\n    <b>\n    </b>\n</a>\n"},
		{"nothing over", "<a>\n\n</a>\n", "", "<a>\n\n</a>\n"},
		{"case counts", "<A>\n  x=1\n</A>\n", "<a>\nx=2\n</a>\n", "<A>\n  x=1\n</A>\n<a>\n    x=2\n</a>\n"},
		{"split domains", "<a>\n  x=1\n</a>\n<a>\n  y=1\n</a>\n", "<a>\nx=2\n</a>\n<a>\nz=2\ny=2\n</a>\n", "<a>\n  x=2\n</a>\n<a>\n  y=2\n  z=2\n</a>\n"},
		{"no line end", "<a></a>", "<a>x=1</a>", "<a>\n    x=1\n</a>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, over := mustParse(t, tt.base), mustParse(t, tt.over)
			d.Merge(over)
			if got := d.String(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if over.String() != tt.over {
				t.Errorf("the laid-over document was changed to %q", over)
			}
		})
	}
}
