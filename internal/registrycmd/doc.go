// Package registrycmd is the registry's command line: it turns arguments,
// environment and signals into a running service, says where everything is, and
// ends with an exit code. It runs in tests without a process of its own.
package registrycmd
