package store

import (
	"strings"
	"testing"
)

func TestInsertOfTooManyArgumentsBecomesSeveralStatements(t *testing.T) {
	rows := newInsert("t", []string{"a", "b", "c"})
	const count = maxArguments - 10 // two arguments a row: two statements
	for i := range count {
		rows.row(i, expression("NOW()"), moment{"CAST(? AS DATE)", []any{"x"}})
	}
	if len(rows.parts) != 2 {
		t.Fatalf("%d statements", len(rows.parts))
	}
	arguments, values := 0, 0
	for _, part := range rows.parts {
		arguments += len(part.args)
		values += strings.Count(part.sql.String(), "(?,NOW(),CAST(? AS DATE))")
		if !strings.HasPrefix(part.sql.String(), "INSERT INTO t (a, b, c) VALUES (?,") || len(part.args) > maxArguments {
			t.Errorf("a statement of %d arguments begins with %.60s", len(part.args), part.sql.String())
		}
	}
	if values != count || arguments != 2*count {
		t.Errorf("%d rows with %d arguments", values, arguments)
	}
}
