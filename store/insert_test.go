package store

import (
	"strings"
	"testing"
)

func TestInsertOfTooManyValuesBecomesSeveralStatements(t *testing.T) {
	rows := newInsert("t", []string{"a", "b", "c"}).expect(7) // what is expected is no promise
	const count = maxValues / 2                               // three values a row: two statements
	for range count {
		row := rows.begin(3)
		row.text("it's")
		row.expression("NOW()")
		row.moment(moment{"CAST(? AS DATE)", "y?"})
		row.end()
	}
	if len(rows.parts) != 2 {
		t.Fatalf("%d statements", len(rows.parts))
	}
	arguments, values := 0, 0
	for _, part := range rows.parts {
		arguments += len(part.sql.args)
		values += strings.Count(part.sql.String(), "(?,NOW(),CAST(? AS DATE))")
		if !strings.HasPrefix(part.sql.String(), "INSERT INTO t (a, b, c) VALUES (?,") || part.rows*3 > maxValues {
			t.Errorf("a statement of %d rows begins with %.60s", part.rows, part.sql.String())
		}
	}
	if values != count || arguments != 2*count {
		t.Errorf("%d rows with %d arguments", values, arguments)
	}
}

// TestWhatStandsInAStatement: only what cannot end a literal is written into SQL.
func TestWhatStandsInAStatement(t *testing.T) {
	rows := newInsert("t", []string{"a"})
	row := rows.begin(9)
	row.id(0)
	row.id(7)
	row.number(-3)
	row.flag(true)
	row.text(`tcp -h ::1 -p 80; -- "/*`)
	row.text("")
	row.nullable("")
	row.moment(moment{"CAST(? AS DATETIME)", "2026-01-02 03:04:05"})
	row.end()
	query, args := rows.only("")
	want := `INSERT INTO t (a) VALUES (NULL,7,-3,'Y','tcp -h ::1 -p 80; -- "/*','',NULL,CAST('2026-01-02 03:04:05' AS DATETIME))`
	if query != want || len(args) != 0 {
		t.Errorf("%s with %q, want %s", query, args, want)
	}
}

// TestTextsThatCouldMeanMoreAreArguments: a quote ends a literal, a backslash may begin
// something, a question mark is an argument's place, and other bytes mean what the
// connection's character set says.
func TestTextsThatCouldMeanMoreAreArguments(t *testing.T) {
	for _, text := range []string{
		"it's", `a\`, "what?", "a\x00b", "a\nb", "a\x1ab", "a\x7f", "\xbf'", "gr\u00fcn", strings.Repeat("x", maxLiteral+1),
	} {
		var statement sqlText
		statement.text(text)
		if statement.String() != "?" || len(statement.args) != 1 || statement.args[0] != text {
			t.Errorf("%q became %.60s with %q", text, statement.String(), statement.args)
		}
	}
}

func TestTuples(t *testing.T) {
	var statement sqlText
	statement.tuples(2, []string{"a", "b?", "c", "d"})
	if got, want := statement.String(), "('a',?),('c','d')"; got != want || len(statement.args) != 1 {
		t.Errorf("%s with %q, want %s", got, statement.args, want)
	}
	for width, want := range map[int]string{0: "(NULL)", 1: "(NULL)", 3: "(NULL,NULL,NULL)"} {
		var none sqlText
		if none.tuples(width, nil); none.String() != want {
			t.Errorf("no values of %d: %s, want %s", width, none.String(), want)
		}
	}
}
