package store

import (
	"strings"
	"testing"
)

func TestInsertOfTooManyValuesBecomesSeveralStatements(t *testing.T) {
	rows := newInsert("t", []string{"a", "b", "c"})
	const count = maxValues / 2 // three values a row: two statements
	for range count {
		row := rows.begin(3)
		row.text("x")
		row.expression("NOW()")
		row.moment(moment{"CAST(? AS DATE)", "y"})
		row.end()
	}
	if len(rows.parts) != 2 {
		t.Fatalf("%d statements", len(rows.parts))
	}
	arguments, values := 0, 0
	for _, part := range rows.parts {
		arguments += len(part.args)
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
	row.word("active")
	row.word("it's")
	row.word(`a\`)
	row.text("")
	row.nullable("")
	row.end()
	query, args := rows.only("")
	if want := "INSERT INTO t (a) VALUES (NULL,7,-3,'Y','active',?,?,'',NULL)"; query != want {
		t.Errorf("%s, want %s", query, want)
	}
	if len(args) != 2 || args[0] != "it's" || args[1] != `a\` {
		t.Errorf("arguments %q", args)
	}
}
