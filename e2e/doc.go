// Package e2e drives the real registry binary from outside: as a process with
// flags, signals and exit codes, and over the wire with TarsGo's clients, on the
// embedded database and on MariaDB. It has tests only.
//
// TarsGo's client has data races of its own, so these tests are not built for
// the race detector. With TARSREGISTRY_E2E_RACE=1 the registry that they run is:
//
//	TARSREGISTRY_E2E_RACE=1 go test -count=1 ./e2e
package e2e
