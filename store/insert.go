package store

import (
	"strconv"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// insert is an INSERT of many rows under construction. Where one statement would
// have too many values it becomes several.
type insert struct {
	head     string
	parts    []*insertPart
	rows     int
	expected int // how many rows there will be, as far as one knows: see expect
}

// insertPart is one statement. Its rows are added value by value, in the order of
// the columns.
type insertPart struct {
	sql    sqlText
	rows   int
	values int // of all rows
	at     int // values of the row that is being added
}

const (
	// maxValues is how many values one statement has at most. Each may be an
	// argument, of which SQLite takes 32,766.
	maxValues = 20000
	// maxText is the length from which on a statement takes no further row, in
	// bytes: see maxLiteral.
	maxText = 500_000
)

// expression is SQL in the place of a value.
type expression string

// moment is SQL in the place of a value, with the argument for the one question mark
// that may be in it.
type moment struct {
	sql      string
	argument string
}

func newInsert(table string, columns []string) *insert {
	return &insert{head: "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES "}
}

// expect makes room for so many rows at once, when the first one has shown how long
// they are.
func (i *insert) expect(rows int) *insert {
	i.expected = rows
	return i
}

// begin starts a row of so many values, which the caller adds, and then ends.
func (i *insert) begin(values int) *insertPart {
	i.rows++
	part := i.part(values)
	part.rows++
	part.values += values
	part.at = 0
	part.sql.WriteByte('(')
	return part
}

// part is the statement that the next row goes to.
func (i *insert) part(values int) *insertPart {
	if last := len(i.parts) - 1; last >= 0 && i.parts[last].takes(values) {
		part := i.parts[last]
		if part.rows == 1 {
			more := (part.sql.Len() - len(i.head)) * (i.expected - part.rows)
			part.sql.Grow(min(max(more+more/8, 0), maxText))
		}
		part.sql.WriteByte(',')
		return part
	}
	part := &insertPart{}
	i.parts = append(i.parts, part)
	part.sql.WriteString(i.head)
	return part
}

// takes says that there is room for one more row.
func (p *insertPart) takes(values int) bool {
	return p.values+values <= maxValues && p.sql.Len() < maxText
}

// row adds a whole row.
func (i *insert) row(values ...any) {
	part := i.begin(len(values))
	for _, value := range values {
		switch value := value.(type) {
		case expression:
			part.expression(value)
		case string:
			part.text(value)
		default:
			part.next()
			part.sql.WriteByte('?')
			part.sql.args = append(part.sql.args, value)
		}
	}
	part.end()
}

func (p *insertPart) next() {
	if p.at > 0 {
		p.sql.WriteByte(',')
	}
	p.at++
}

func (p *insertPart) end() { p.sql.WriteByte(')') }

// finished is the whole statement, with what comes after the rows.
func (p *insertPart) finished(end string) (query string, args []any) {
	p.sql.WriteString(end)
	return p.sql.String(), p.sql.args
}

func (p *insertPart) text(value string) {
	p.next()
	p.sql.text(value)
}

// nullable adds NULL for an empty text, as Tars' programs write it.
func (p *insertPart) nullable(value string) {
	if value == "" {
		p.expression("NULL")
		return
	}
	p.text(value)
}

// key adds the three columns that name an instance.
func (p *insertPart) key(key naming.Key) {
	p.text(trimmed(key.Application))
	p.text(trimmed(key.Server))
	p.text(trimmed(key.Node))
}

func (p *insertPart) number(value int64) {
	p.next()
	var digits [20]byte
	p.sql.Write(strconv.AppendInt(digits[:0], value, 10))
}

// id adds the id of a row; 0: the database shall give one.
func (p *insertPart) id(value int64) {
	if value == 0 {
		p.expression("NULL")
		return
	}
	p.number(value)
}

func (p *insertPart) flag(yes bool) {
	if yes {
		p.expression("'Y'")
	} else {
		p.expression("'N'")
	}
}

func (p *insertPart) expression(sql expression) {
	p.next()
	p.sql.WriteString(string(sql))
}

func (p *insertPart) moment(m moment) {
	p.next()
	before, after, found := strings.Cut(m.sql, "?")
	p.sql.WriteString(before)
	if found {
		p.sql.text(m.argument)
		p.sql.WriteString(after)
	}
}

// only is the statement of an INSERT that has few rows.
func (i *insert) only(end string) (query string, args []any) {
	return i.parts[0].finished(end)
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
