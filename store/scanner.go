package store

import (
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// scanner reads the columns of a row one after the other, each as nullable:
// TarsWeb makes columns nullable that were not (tables.md). NULL is the zero
// value. Its memory is used again for every row, because pictures of 100,000 rows
// are read with it.
type scanner struct {
	cells   []cell
	targets []any
	at      int
	names   map[string]string
	key     []byte
	err     error
}

// cell takes one column as the driver has it. What the driver lends is copied: it
// takes it back when the statement's context ends.
type cell struct {
	bytes  []byte
	number int64
	kind   cellKind
	last   string // the name that stood here in a row before
}

type cellKind uint8

const (
	cellNull cellKind = iota
	cellText
	cellNumber
)

// Scan implements sql.Scanner.
func (c *cell) Scan(value any) error {
	switch value := value.(type) {
	case nil:
		c.kind = cellNull
	case int64:
		c.kind, c.number = cellNumber, value
	case []byte:
		c.kind, c.bytes = cellText, append(c.bytes[:0], value...)
	case string:
		c.kind, c.bytes = cellText, append(c.bytes[:0], value...)
	case float64:
		c.kind, c.bytes = cellText, strconv.AppendFloat(c.bytes[:0], value, 'g', -1, 64)
	case float32:
		c.kind, c.bytes = cellText, strconv.AppendFloat(c.bytes[:0], float64(value), 'g', -1, 32)
	case uint64:
		c.kind, c.bytes = cellText, strconv.AppendUint(c.bytes[:0], value, 10)
	case bool:
		c.kind, c.number = cellNumber, int64(boolean(value))
	default:
		return fmt.Errorf("a column is a %T", value)
	}
	return nil
}

// text is what the column says; it lasts until the next row.
func (c *cell) text() []byte {
	switch c.kind {
	case cellText:
		return c.bytes
	case cellNumber:
		c.bytes = strconv.AppendInt(c.bytes[:0], c.number, 10)
		return c.bytes
	default:
		return nil
	}
}

func newScanner(columns int) *scanner {
	s := &scanner{cells: make([]cell, columns), targets: make([]any, columns), names: map[string]string{}}
	for i := range s.cells {
		s.targets[i] = &s.cells[i]
	}
	return s
}

func (s *scanner) read(rows *sql.Rows) error {
	s.at = 0
	if err := rows.Scan(s.targets...); err != nil {
		return fmt.Errorf("read a row: %w", err)
	}
	return nil
}

func (s *scanner) next() *cell {
	c := &s.cells[s.at]
	s.at++
	return c
}

// text is the next column.
func (s *scanner) text() string { return string(s.next().text()) }

// name is the next column, for values that many rows share: equal ones share
// their memory.
func (s *scanner) name() string {
	c := s.next()
	if text := c.text(); string(text) != c.last { // most often the row before had the same
		c.last = s.shared(text)
	}
	return c.last
}

func (s *scanner) shared(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if known, ok := s.names[string(text)]; ok {
		return known
	}
	name := string(text)
	s.names[name] = name
	return name
}

// foldedKey is the next three columns, application, server and node, as one text
// that all spellings of the key have in common; it lasts until the next call. The
// columns are not passed.
func (s *scanner) foldedKey() []byte {
	s.key = s.key[:0]
	for i := range keyWidth {
		s.key = naming.AppendFold(s.key, s.cells[s.at+i].text())
		s.key = append(s.key, 0)
	}
	return s.key
}

// appendFolded appends a key as foldedKey gives it.
func appendFolded(dst []byte, key naming.Key) []byte {
	for _, part := range [keyWidth]string{key.Application, key.Server, key.Node} {
		dst = append(naming.AppendFold(dst, []byte(part)), 0)
	}
	return dst
}

// keyLike reads a key; where it is spelled as the one that is known, that one
// serves.
func (s *scanner) keyLike(known naming.Key) naming.Key {
	if s.spellsKey(known) {
		s.skip(keyWidth)
		return known
	}
	return scanKey(s)
}

// spellsKey says that the next three columns are just that key.
func (s *scanner) spellsKey(key naming.Key) bool {
	return s.spells(2, key.Node) && s.spells(1, key.Server) && s.spells(0, key.Application)
}

// spells says that a column, counted from the next one, is just that text.
func (s *scanner) spells(column int, text string) bool {
	return string(s.cells[s.at+column].text()) == text
}

func (s *scanner) skip(columns int) { s.at += columns }

// present says whether the next column is not NULL, without passing it.
func (s *scanner) present() bool { return s.cells[s.at].kind != cellNull }

// int is the next column as a whole number; fractions are cut.
func (s *scanner) int() int64 {
	c := s.next()
	if c.kind == cellNumber {
		return c.number
	}
	if len(c.text()) == 0 {
		return 0
	}
	value, err := strconv.ParseInt(string(c.bytes), 10, 64)
	if err == nil {
		return value
	}
	if fraction, fractionErr := strconv.ParseFloat(string(c.bytes), 64); fractionErr == nil {
		return int64(fraction)
	}
	if s.err == nil {
		s.err = fmt.Errorf("column %d is not a number: %w", s.at, err)
	}
	return 0
}

func (s *scanner) int32() int32 { return int32(s.int()) }

// elapsed reads how many microseconds ago a moment was: -1 for NULL, and never
// negative otherwise.
func (s *scanner) elapsed() time.Duration {
	if !s.present() {
		s.skip(1)
		return -1
	}
	return max(s.micros(), 0)
}

// micros is the next column, microseconds, as a duration.
func (s *scanner) micros() time.Duration { return time.Duration(s.int()) * time.Microsecond }

// millis is the next column, milliseconds, as a duration.
func (s *scanner) millis() time.Duration { return time.Duration(s.int()) * time.Millisecond }

// yes is the next column as Tars writes flags: Y or y.
func (s *scanner) yes() bool {
	text := s.next().text()
	return len(text) == 1 && (text[0] == 'Y' || text[0] == 'y')
}
