// Package e2e drives the real registry binary from outside: as a process with
// flags, signals and exit codes, and over the wire with TarsGo's clients, on the
// embedded database and on MariaDB. It has tests only.
package e2e
