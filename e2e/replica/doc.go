// Package replica runs the real registry binary as a process for tests: on ports
// that it keeps over restarts, ended as Kubernetes ends it or as a power cut does.
// Its callers are race-free stand-ins for TarsGo's communicator, so that tests
// which use them run under the race detector; the registry that they drive is then
// built with it too.
package replica
