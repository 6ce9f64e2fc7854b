package store

import (
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// scanner reads the columns of a row one after the other, each as nullable:
// TarsWeb makes columns nullable that were not (tables.md). NULL is the zero
// value. It reads raw bytes, because pictures of 100,000 rows are read with it.
type scanner struct {
	cells   []sql.RawBytes
	targets []any
	at      int
	names   map[string]string
	err     error
}

func newScanner(columns int) *scanner {
	s := &scanner{cells: make([]sql.RawBytes, columns), targets: make([]any, columns), names: map[string]string{}}
	for i := range s.cells {
		s.targets[i] = &s.cells[i]
	}
	return s
}

func (s *scanner) read(rows *sql.Rows) error {
	s.at = 0
	return rows.Scan(s.targets...)
}

func (s *scanner) next() []byte {
	cell := s.cells[s.at]
	s.at++
	return cell
}

// text is the next column.
func (s *scanner) text() string { return string(s.next()) }

// name is the next column, for values that many rows share: equal ones share
// their memory.
func (s *scanner) name() string {
	cell := s.next()
	if len(cell) == 0 {
		return ""
	}
	if known, ok := s.names[string(cell)]; ok {
		return known
	}
	text := string(cell)
	s.names[text] = text
	return text
}

// present says whether the next column is not NULL, without passing it.
func (s *scanner) present() bool { return s.cells[s.at] != nil }

// int is the next column as a whole number; fractions are cut.
func (s *scanner) int() int64 {
	cell := s.next()
	if len(cell) == 0 {
		return 0
	}
	value, err := strconv.ParseInt(string(cell), 10, 64)
	if err == nil {
		return value
	}
	if real, realErr := strconv.ParseFloat(string(cell), 64); realErr == nil {
		return int64(real)
	}
	if s.err == nil {
		s.err = fmt.Errorf("column %d is not a number: %w", s.at, err)
	}
	return 0
}

func (s *scanner) int32() int32 { return int32(s.int()) }

// micros is the next column, microseconds, as a duration.
func (s *scanner) micros() time.Duration { return time.Duration(s.int()) * time.Microsecond }

// millis is the next column, milliseconds, as a duration.
func (s *scanner) millis() time.Duration { return time.Duration(s.int()) * time.Millisecond }

// yes is the next column as Tars writes flags: Y or y.
func (s *scanner) yes() bool {
	cell := s.next()
	return len(cell) == 1 && (cell[0] == 'Y' || cell[0] == 'y')
}
