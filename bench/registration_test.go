//go:build unix

package bench

import (
	"slices"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

// BenchmarkRegistrations: new instances and known ones, at 64 callers.
func BenchmarkRegistrations(b *testing.B) {
	server := startMariaDB(b)
	dsn := server.Database(b)
	mariadb, onMariaDB := startRegistry(b, dsn, b.TempDir())
	sqlite, onSQLite := startRegistry(b, "", b.TempDir())
	auto := start(b, "literal", variableDSN+"="+literalDatabase(b, server, dsn))
	transacted := start(b, "literal", variableDSN+"="+literalDatabase(b, server, dsn))

	type subject struct {
		name             string
		process          *load.Process
		address          string
		version          string
		profile          func(*testing.B, string) func()
		created, renewed contender
		next             int
	}
	profiling := func(told ready) func(*testing.B, string) func() {
		return func(b *testing.B, name string) func() { return told.profile(b, name, turn(b)) }
	}
	none := func(*testing.B, string) func() { return func() {} }
	subjects := []*subject{
		{name: "registry on MariaDB", process: mariadb, address: onMariaDB.Pod, version: "1", profile: profiling(onMariaDB)},
		{name: "registry on SQLite", process: sqlite, address: onSQLite.Pod, version: "1", profile: profiling(onSQLite)},
		{name: "literal SQL, MariaDB, each statement by itself", process: auto, address: auto.Address, version: "1", profile: none},
		{name: "literal SQL, MariaDB, in a transaction", process: transacted, address: transacted.Address, version: inTransaction, profile: none},
	}
	for _, s := range subjects {
		s.created.process, s.created.address = s.process, s.address
		s.renewed.process, s.renewed.address = s.process, s.address
		if s.process != sqlite {
			s.created.database = databaseCPU(b, dsn)
			s.renewed.database = s.created.database
		}
	}
	shape := shape{"64 connections", 64, 1}
	// More than can be registered in one turn.
	spare := int(turn(b).Seconds()*20000) + 64
	for range rounds(b) {
		for _, s := range subjects {
			frames := templates(b, fleet("Some", spare/10, 10, s.next), func(b *testing.B, i instance) load.Template { return i.register(b, s.version) })
			before := s.created.calls
			done := s.profile(b, "registrations new "+s.name)
			s.created.takeTurn(b, shape, turn(b), inOrder(frames))
			done()
			known := frames[:s.created.calls-before]
			done = s.profile(b, "registrations again "+s.name)
			s.renewed.takeTurn(b, shape, turn(b), around(known, shape.connections))
			done()
			s.next += spare
		}
	}
	table := results.section("Registrations: 64 callers", slices.Concat([]string{"registration", "servant"}, cellNames())...)
	for _, s := range subjects {
		table.row(append([]string{"new", s.name}, s.created.cells()...)...)
	}
	for _, s := range subjects {
		table.row(append([]string{"again", s.name}, s.renewed.cells()...)...)
	}
	for _, told := range []struct {
		name string
		ready
	}{{"MariaDB", onMariaDB}, {"SQLite", onSQLite}} {
		table.note("%s: %.0f registrations a transaction.", told.name,
			told.metric(b, `calls_total{function="onStartup",result="ok",servant="tars.tarsregistry.Registry"}`)/
				told.metric(b, `statement_duration_seconds_count{statement="transaction"}`))
	}
	b.ReportMetric(median(subjects[0].created.rates), "mariadb-new/s")
	b.ReportMetric(median(subjects[0].renewed.rates), "mariadb-again/s")
	b.ReportMetric(median(subjects[1].created.rates), "sqlite-new/s")
	b.ReportMetric(median(subjects[1].renewed.rates), "sqlite-again/s")
}
