package store

import (
	"strings"
)

// insert is an INSERT of many rows under construction. A value is an argument, or
// an expression that is written into the statement.
type insert struct {
	b    strings.Builder
	args []any
	rows int
}

// expression is SQL in the place of a value.
type expression string

func newInsert(table string, columns []string) *insert {
	i := &insert{}
	i.b.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
	return i
}

// row adds a row.
func (i *insert) row(values ...any) {
	if i.rows > 0 {
		i.b.WriteByte(',')
	}
	i.rows++
	i.b.WriteByte('(')
	for at, value := range values {
		if at > 0 {
			i.b.WriteByte(',')
		}
		switch value := value.(type) {
		case expression:
			i.b.WriteString(string(value))
		case moment:
			i.b.WriteString(value.sql)
			i.args = append(i.args, value.args...)
		default:
			i.b.WriteByte('?')
			i.args = append(i.args, value)
		}
	}
	i.b.WriteByte(')')
}

// moment is SQL with arguments of its own in the place of a value.
type moment struct {
	sql  string
	args []any
}

// nullable is NULL for an empty text, as Tars' programs write it.
func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func flag(yes bool) string {
	if yes {
		return "Y"
	}
	return "N"
}
