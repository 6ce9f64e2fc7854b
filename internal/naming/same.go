package naming

import "strings"

// SameName tells whether the tables hold two spellings of a name to be equal, as
// Fold does, and allocates nothing.
func SameName(a, b string) bool {
	if a == b {
		return true
	}
	a, b = strings.TrimRight(a, " "), strings.TrimRight(b, " ")
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
