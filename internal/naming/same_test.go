package naming

import "testing"

// FuzzSameName: two names are the same where their folded forms are.
func FuzzSameName(f *testing.F) {
	for _, pair := range [][2]string{
		{"", ""}, {"", " "}, {"App", "app"}, {"App", "app  "}, {"App", " App"}, {"App", "Apps"},
		{"[", "{"}, {"@", "`"}, {"É", "é"}, {"K", "\u212a"}, {"\xff", "\xfe"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, want := SameName(a, b), Fold(a) == Fold(b); got != want {
			t.Errorf("SameName(%q, %q) = %v, Fold says %v", a, b, got, want)
		}
	})
}
