package schema

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed original.sql
var originalSQL string

// A Variant is a Tars database as an installation may have it.
type Variant struct {
	// Name says which, in the form of a subtest's name.
	Name string

	statements []string
	tarsWeb    bool
}

// Original is what the installer of a recent Tars leaves behind. It never saw
// a registry for containers, so it has no metrics_port.
func Original() Variant {
	return Variant{Name: "original", statements: split(originalSQL)}
}

// Older is a Tars before flow_state, run_type and base_image_id.
func Older() Variant {
	return Original().with("older",
		"ALTER TABLE t_server_conf DROP COLUMN flow_state",
		"ALTER TABLE t_server_conf DROP COLUMN run_type",
		"ALTER TABLE t_server_conf DROP COLUMN base_image_id",
	)
}

// Container is a database that another registry for containers has added its
// metrics_port to.
func Container() Variant {
	return Original().with("container", "ALTER TABLE t_server_conf ADD COLUMN metrics_port INT DEFAULT 0")
}

// TarsWeb is [Container] after a start of TarsWeb.
func TarsWeb() Variant {
	variant := Container().with("tarsweb")
	variant.tarsWeb = true
	return variant
}

// Variants are all of them, for table tests.
func Variants() []Variant {
	return []Variant{Original(), Older(), Container(), TarsWeb()}
}

func (v Variant) with(name string, statements ...string) Variant {
	return Variant{Name: name, statements: slices.Concat(v.statements, statements)}
}

// Apply makes the tables in an empty database.
func (v Variant) Apply(ctx context.Context, db *sql.DB) error {
	for _, statement := range v.statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make schema %s: %.60s: %w", v.Name, statement, err)
		}
	}
	if v.tarsWeb {
		return ApplyTarsWeb(ctx, db)
	}
	return nil
}

// split cuts a file into statements. It knows no strings: the fixture has no
// semicolon at the end of a line that does not end a statement.
func split(file string) []string {
	var code strings.Builder
	for line := range strings.Lines(file) {
		if !strings.HasPrefix(line, "--") {
			code.WriteString(line)
		}
	}
	var statements []string
	for statement := range strings.SplitSeq(code.String(), ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			statements = append(statements, statement)
		}
	}
	return statements
}
