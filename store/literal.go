package store

import "strings"

// sqlText is a statement under construction with its arguments. Texts that cannot
// mean anything but themselves stand in it as literals: an argument is allocated four
// times on its way through database/sql and the driver, and a registration has fifty.
type sqlText struct {
	strings.Builder
	args []any
}

// maxLiteral is how many bytes a text in a statement has at most: SQLite may
// have been built for statements of a megabyte at most.
const maxLiteral = 512

// text adds a value.
func (s *sqlText) text(value string) {
	if len(value) > maxLiteral || !isPlain(value) {
		s.WriteByte('?')
		s.args = append(s.args, value)
		return
	}
	s.WriteByte('\'')
	s.WriteString(value)
	s.WriteByte('\'')
}

// tuples adds values in parentheses, so many in each; NULL, which equals nothing, where
// there are none.
func (s *sqlText) tuples(width int, values []string) {
	length := 0
	for _, value := range values {
		length += len(value) + len("),('',")
	}
	s.Grow(length)
	if len(values) == 0 {
		s.WriteString("(" + strings.TrimSuffix(strings.Repeat("NULL,", max(width, 1)), ",") + ")")
		return
	}
	for i, value := range values {
		switch {
		case i == 0:
			s.WriteByte('(')
		case i%width == 0:
			s.WriteString("),(")
		default:
			s.WriteByte(',')
		}
		s.text(value)
	}
	s.WriteByte(')')
}

// isPlain says that a text is the same between quotes in any database, mode and
// character set: printable ASCII, no quote, no backslash, and no question mark, which
// the driver would take for the place of an argument.
func isPlain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '\'', c == '\\', c == '?':
			return false
		}
	}
	return true
}
