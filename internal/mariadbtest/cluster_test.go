//go:build cluster

package mariadbtest

import (
	"database/sql"
	"testing"
)

// wantRows compares a node with what was written on another.
func wantRows(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	// A read then waits for what was committed before it anywhere.
	var rows int
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(t.Context(), "SET SESSION wsrep_sync_wait = 1"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM things").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != want {
		t.Errorf("%d rows, want %d", rows, want)
	}
}

func TestClusterReplicatesLosesANodeAndGetsItBack(t *testing.T) {
	cluster := StartCluster(t, 3)
	cluster.AwaitSize(t, 3)
	dsns := cluster.Database(t)
	first, second, third := Open(t, dsns[0]), Open(t, dsns[1]), Open(t, dsns[2])
	mustExec(t, first, "CREATE TABLE things (id INT PRIMARY KEY)")
	mustExec(t, first, "INSERT INTO things VALUES (1)")
	wantRows(t, second, 1)
	wantRows(t, third, 1)

	cluster.Nodes[2].Kill(t)
	cluster.AwaitSize(t, 2)
	mustExec(t, second, "INSERT INTO things VALUES (2)")
	wantRows(t, first, 2)

	cluster.Nodes[2].Start(t)
	cluster.AwaitSize(t, 3)
	wantRows(t, Open(t, dsns[2]), 2)

	// The one that made the cluster is no more special than the others.
	cluster.Nodes[0].Stop(t)
	cluster.AwaitSize(t, 2)
	mustExec(t, second, "INSERT INTO things VALUES (3)")
	cluster.Nodes[0].Start(t)
	cluster.AwaitSize(t, 3)
	wantRows(t, Open(t, dsns[0]), 3)
}

func TestClusterThrowsOutAFrozenNode(t *testing.T) {
	cluster := StartCluster(t, 3)
	dsns := cluster.Database(t)
	db := Open(t, dsns[0])
	mustExec(t, db, "CREATE TABLE things (id INT PRIMARY KEY)")

	cluster.Nodes[1].Freeze(t)
	mustExec(t, db, "INSERT INTO things VALUES (1)") // waits until the others have given it up
	cluster.Nodes[1].Thaw(t)
	cluster.AwaitSize(t, 3)
	wantRows(t, Open(t, dsns[1]), 1)
}
