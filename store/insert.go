package store

import (
	"strings"
)

// insert is an INSERT of many rows under construction. Where one statement would
// have too many arguments it becomes several.
type insert struct {
	head  string
	parts []*insertPart
	rows  int
}

type insertPart struct {
	sql  strings.Builder
	args []any
}

// maxArguments is how many arguments one statement has at most; SQLite takes
// 32,766.
const maxArguments = 20000

// expression is SQL in the place of a value.
type expression string

// moment is SQL with arguments of its own in the place of a value.
type moment struct {
	sql  string
	args []any
}

func newInsert(table string, columns []string) *insert {
	return &insert{head: "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES "}
}

// row adds a row. A value is an argument, or SQL that is written into the
// statement.
func (i *insert) row(values ...any) {
	i.rows++
	part := i.part(len(values))
	part.sql.WriteByte('(')
	for at, value := range values {
		if at > 0 {
			part.sql.WriteByte(',')
		}
		switch value := value.(type) {
		case expression:
			part.sql.WriteString(string(value))
		case moment:
			part.sql.WriteString(value.sql)
			part.args = append(part.args, value.args...)
		default:
			part.sql.WriteByte('?')
			part.args = append(part.args, value)
		}
	}
	part.sql.WriteByte(')')
}

// part is the statement that the next row goes to.
func (i *insert) part(values int) *insertPart {
	if last := len(i.parts) - 1; last >= 0 && len(i.parts[last].args)+values <= maxArguments {
		i.parts[last].sql.WriteByte(',')
		return i.parts[last]
	}
	part := &insertPart{}
	i.parts = append(i.parts, part)
	part.sql.WriteString(i.head)
	return part
}

// only is the statement of an INSERT that has few rows.
func (i *insert) only(end string) (query string, args []any) {
	return i.parts[0].sql.String() + end, i.parts[0].args
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
