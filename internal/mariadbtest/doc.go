// Package mariadbtest gives tests a real MariaDB of their own: private data
// folder, private port on 127.0.0.1, gone when the test process is gone, even
// when that one is killed.
//
// Tests that only need a database call [Database]; it comes from one server
// per test process, started at first use:
//
//	func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }
//
//	func TestStore(t *testing.T) {
//		dsn := mariadbtest.Database(t)
//		...
//	}
//
// Tests that kill, stop or freeze the server call [Start] and have one to
// themselves.
//
// With TARSREGISTRY_TEST_DSN set (a go-sql-driver DSN of an account that may
// create databases), [Shared] and [Database] use that server instead; [Start]
// is not affected.
package mariadbtest
