package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func mustExec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(t *testing.T, db *sql.DB, table string) (rows int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&rows); err != nil {
		t.Fatalf("count the rows of %s: %v", table, err)
	}
	return rows
}

func TestCommittedRowsSurviveAKill(t *testing.T) {
	server := Start(t)
	dsn := server.Database(t)
	db := Open(t, dsn)
	mustExec(t, db, "CREATE TABLE acknowledged (id INT PRIMARY KEY) ENGINE=InnoDB")
	mustExec(t, db, "INSERT INTO acknowledged VALUES (1), (2)")
	address := server.Addr()

	server.Kill(t)
	if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		_ = conn.Close()
		t.Fatal("a killed server accepts connections")
	}
	server.Start(t)
	if server.Addr() != address {
		t.Errorf("came back on %s, was on %s", server.Addr(), address)
	}
	if rows := count(t, Open(t, dsn), "acknowledged"); rows != 2 {
		t.Errorf("%d rows after the kill, want 2", rows)
	}

	server.Stop(t)
	server.Start(t)
	if rows := count(t, Open(t, dsn), "acknowledged"); rows != 2 {
		t.Errorf("%d rows after the orderly stop, want 2", rows)
	}
}

func TestFrozenServerAnswersNothingUntilThawed(t *testing.T) {
	server := Start(t)
	db := Open(t, server.Database(t))
	mustExec(t, db, "CREATE TABLE things (id INT PRIMARY KEY)")

	server.Freeze(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := db.PingContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping of a frozen server: %v, want the deadline", err)
	}
	server.Thaw(t)
	if rows := count(t, db, "things"); rows != 0 {
		t.Errorf("%d rows, want 0", rows)
	}
}

func TestSettingsReachTheServer(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []Option
		want    string
	}{
		{"durable unless told", nil, "1"},
		{"as told", []Option{Setting("innodb-flush-log-at-trx-commit", "2")}, "2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := Open(t, Start(t, test.options...).DSN(""))
			var got string
			err := db.QueryRowContext(t.Context(), "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit").Scan(&got)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("innodb_flush_log_at_trx_commit = %s, want %s", got, test.want)
			}
		})
	}
}

// TestServersLeaveEachOthersTemporaryTables: a server that starts deletes all
// temporary tables in its folder of temporary files, which are not its own where
// that folder is the machine's.
func TestServersLeaveEachOthersTemporaryTables(t *testing.T) {
	conn, err := Open(t, Start(t).Database(t)).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	run := func(statement string) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	run("CREATE TEMPORARY TABLE mine (id INT) ENGINE=Aria")
	Start(t)
	run("INSERT INTO mine VALUES (1)")
	run("DROP TEMPORARY TABLE mine")
}

func TestDatabasesAreEmptyApartAndDropped(t *testing.T) {
	var dropped string
	t.Run("two databases", func(t *testing.T) {
		dropped = Database(t)
		one, other := Open(t, dropped), Open(t, Database(t))
		mustExec(t, one, "CREATE TABLE things (id INT PRIMARY KEY)")
		mustExec(t, other, "CREATE TABLE things (id INT PRIMARY KEY)")
		var charset string
		if err := one.QueryRowContext(t.Context(), "SELECT @@character_set_database").Scan(&charset); err != nil {
			t.Fatal(err)
		}
		if charset != "utf8mb4" {
			t.Errorf("character set %s, want utf8mb4", charset)
		}
	})
	if err := Open(t, dropped).PingContext(t.Context()); err == nil {
		t.Error("a database is still there after its test")
	}
}

func TestSharedServerIsOne(t *testing.T) {
	first, second := Shared(t), Shared(t)
	if first != second {
		t.Error("two shared servers in one process")
	}
}
