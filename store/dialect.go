package store

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/migrations"
)

// dialect is what differs between the databases: a few constants and functions
// that statements are put together from. All else is the same SQL.
type dialect struct {
	name migrations.Dialect
	// now is the moment of the statement in our tables' columns: UTC, with
	// microseconds (milliseconds on SQLite).
	now string
	// wall is the moment of the statement in Tars' columns: the session's time
	// zone, as CURRENT_TIMESTAMP has it.
	wall string
	// clock is the moment of the statement in microseconds since 1970.
	clock string
	// server tells database servers apart.
	server string
	// locked ends a SELECT whose rows are to be locked.
	locked string
	// podNode is the condition that a row of t_node_info has no tarsnode (R2). It
	// agrees with naming.ObjectPort on what registries write.
	podNode string
}

func mysqlDialect() *dialect {
	return &dialect{
		name:    migrations.MySQL,
		now:     "UTC_TIMESTAMP(6)",
		wall:    "CURRENT_TIMESTAMP",
		clock:   "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))",
		server:  "CONCAT_WS('/', @@hostname, @@port, @@server_id)",
		locked:  " FOR UPDATE",
		podNode: "(node_obj LIKE '%-p 0' OR node_obj LIKE '%-p 0 %')",
	}
}

func sqliteDialect() *dialect {
	return &dialect{
		name:    migrations.SQLite,
		now:     "strftime('%Y-%m-%d %H:%M:%f', 'now')",
		wall:    "strftime('%Y-%m-%d %H:%M:%f', 'now')",
		clock:   "CAST(ROUND(unixepoch('now', 'subsec') * 1000000) AS INTEGER)",
		server:  "''",
		podNode: "(node_obj LIKE '%-p 0' OR node_obj LIKE '%-p 0 %')",
	}
}

func (d *dialect) sqlite() bool { return d.name == migrations.SQLite }

// age is how long ago a column of our tables was, in microseconds.
func (d *dialect) age(column string) string { return d.since(column, d.now) }

// wallAge is how long ago a column of Tars' tables was, in microseconds. NULL
// where the column is.
func (d *dialect) wallAge(column string) string { return d.since(column, d.wall) }

func (d *dialect) since(column, now string) string {
	if d.sqlite() {
		return "CAST(ROUND((unixepoch('now', 'subsec') - unixepoch(" + column + ", 'subsec')) * 1000000) AS INTEGER)"
	}
	if now == d.wall {
		now = "CURRENT_TIMESTAMP(6)"
	}
	return "TIMESTAMPDIFF(MICROSECOND, " + column + ", " + now + ")"
}

// ago is the moment that lies so far before now, in our tables' columns. The
// result is never later than meant: SQLite's milliseconds are rounded away from now.
func (d *dialect) ago(age time.Duration) string {
	if d.sqlite() {
		return "strftime('%Y-%m-%d %H:%M:%f', 'now', '" + sqliteSeconds(-ceilMillis(age)) + "')"
	}
	return "(UTC_TIMESTAMP(6) - INTERVAL " + strconv.FormatInt(age.Microseconds(), 10) + " MICROSECOND)"
}

// wallAgo is ago in Tars' columns, from the last full second on MySQL: what is
// stored there is rounded.
func (d *dialect) wallAgo(age time.Duration) string {
	if d.sqlite() {
		return d.ago(age)
	}
	return "(CURRENT_TIMESTAMP - INTERVAL " + strconv.FormatInt(age.Microseconds(), 10) + " MICROSECOND)"
}

func ceilMillis(age time.Duration) time.Duration {
	return (age + time.Millisecond - 1).Truncate(time.Millisecond)
}

func sqliteSeconds(offset time.Duration) string {
	return strconv.FormatFloat(offset.Seconds(), 'f', 3, 64) + " seconds"
}

// moment is a placeholder for the text of a moment of our tables.
func (d *dialect) moment() string {
	if d.sqlite() {
		return "?"
	}
	return "CAST(? AS DATETIME(6))"
}

// greatest is the later of two moments of our tables.
func (d *dialect) greatest(a, b string) string {
	if d.sqlite() {
		return "MAX(" + a + ", " + b + ")"
	}
	return "GREATEST(" + a + ", " + b + ")"
}

// rfc3339 shows a moment of our tables with microseconds.
func (d *dialect) rfc3339(column string) string {
	if d.sqlite() {
		return "strftime('%Y-%m-%dT%H:%M:%f', " + column + ") || '000Z'"
	}
	return "DATE_FORMAT(" + column + ", '%Y-%m-%dT%H:%i:%s.%fZ')"
}

// key compares a column with names as the collation of Tars' tables does (R15);
// the unique indexes of the SQLite tables are on the same expression.
func (d *dialect) key(column string) string {
	if d.sqlite() {
		return "rtrim(" + column + ") COLLATE NOCASE"
	}
	return column
}

// keyColumns name an instance in every table; there are keyWidth of them.
func keyColumns() []string { return []string{"application", "server_name", "node_name"} }

const keyWidth = 3

// matching is FROM and WHERE of the rows t of a table whose columns, names all,
// have one of the combinations of values, which come one after the other. index is the name of a unique index of
// our own tables that MySQL is held to, so that locks touch no other rows; "" for
// Tars' tables, whose indexes have many names.
func (d *dialect) matching(table, index string, columns, values []string) (condition string, args []any) {
	var b sqlText
	if d.sqlite() {
		b.WriteString(" FROM (VALUES ")
		b.tuples(len(columns), values)
		fmt.Fprintf(&b, ") k CROSS JOIN %s t ON ", table)
		for i, column := range columns {
			if i > 0 {
				b.WriteString(" AND ")
			}
			fmt.Fprintf(&b, "%s = k.column%d", d.key("t."+column), i+1)
		}
		return b.String(), b.args
	}
	b.WriteString(" FROM " + table + " t")
	if index != "" {
		b.WriteString(" FORCE INDEX (" + index + ")")
	}
	// As a list of rows, not as conditions joined by OR: those MariaDB takes for
	// "all of the application" where the keys have it in common.
	b.WriteString(" WHERE (t." + strings.Join(columns, ", t.") + ") IN (")
	b.tuples(len(columns), values)
	b.WriteByte(')')
	return b.String(), b.args
}

// same is the condition that a column of our tables and one of Tars' hold the same
// name. Tars' tables may have any character set and collation: they are brought to
// ours, so that the database can use our index and never refuses the mixture.
func (d *dialect) same(ours, tars string) string {
	if d.sqlite() {
		return "rtrim(" + ours + ") COLLATE NOCASE = rtrim(" + tars + ")"
	}
	return ours + " = CONVERT(" + tars + " USING utf8mb4) COLLATE utf8mb4_general_ci"
}

// sameTars is the condition that columns of two of Tars' tables hold the same name.
func (d *dialect) sameTars(a, b string) string {
	if d.sqlite() {
		return "rtrim(" + a + ") COLLATE NOCASE = rtrim(" + b + ")"
	}
	return a + " = " + b
}

// leaseOf joins t_registry_lease l to rows t of an instance's table.
func (d *dialect) leaseOf() string {
	return " LEFT JOIN t_registry_lease l ON " + d.same("l.application", "t.application") + " AND " +
		d.same("l.server_name", "t.server_name") + " AND " + d.same("l.node_name", "t.node_name")
}

// in is a condition that a column has one of the names.
func (d *dialect) in(column string, names []string) (condition string, args []any) {
	return oneOf(d.key(column), names)
}

// oneOf is a condition that a column, or an expression, has one of the values.
func oneOf(column string, values []string) (condition string, args []any) {
	var b sqlText
	b.WriteString(column + " IN ")
	b.tuples(len(values), values)
	return b.String(), b.args
}

// upsert ends a multi-row INSERT that names the rows' ids: what is there already
// gets the columns' new values.
func (d *dialect) upsert(columns []string, extra ...string) string {
	var b strings.Builder
	if d.sqlite() {
		b.WriteString(" ON CONFLICT(id) DO UPDATE SET ")
	} else {
		b.WriteString(" ON DUPLICATE KEY UPDATE ")
	}
	for i, column := range columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(column + "=" + d.offered(column))
	}
	for i, assignment := range extra {
		if i > 0 || len(columns) > 0 {
			b.WriteByte(',')
		}
		b.WriteString(assignment)
	}
	return b.String()
}

// onKey begins what an INSERT does where the unique key is there already.
func (d *dialect) onKey(columns string) string {
	if d.sqlite() {
		return " ON CONFLICT(" + columns + ") DO UPDATE SET "
	}
	return " ON DUPLICATE KEY UPDATE "
}

// offered is the value that an INSERT would have given a column, in what it does
// where the key is there already.
func (d *dialect) offered(column string) string {
	if d.sqlite() {
		return "excluded." + column
	}
	return "VALUES(" + column + ")"
}

// idList writes numbers into a statement; they need no placeholders.
func idList(ids []int64) string {
	text := make([]byte, 0, 8*len(ids))
	for i, id := range ids {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, id, 10)
	}
	return string(text)
}

// anyKey is a condition that a row t belongs to one of the keys, as keyValues has
// them.
func (d *dialect) anyKey(values []string) (condition string, args []any) {
	var b sqlText
	columns := keyColumns()
	for i, value := range values {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%keyWidth == 0:
			b.WriteString(") OR (")
		default:
			b.WriteString(" AND ")
		}
		b.WriteString(d.key("t."+columns[i%keyWidth]) + "=")
		b.text(value)
	}
	b.WriteByte(')')
	return b.String(), b.args
}

// view is the isolation in which reads see one state of the database. SQLite's
// transactions always do.
func (d *dialect) view() sql.IsolationLevel {
	if d.sqlite() {
		return sql.LevelDefault
	}
	return sql.LevelRepeatableRead
}
