//go:build linux

package podtest

import (
	"testing"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// Tarscli builds the real tarscli.
func Tarscli(t testing.TB) string {
	t.Helper()
	return replica.Build(t, "cmd/tarscli", replica.BuildFlags()...)
}

// PodServer builds the small server that misbehaves on demand.
func PodServer(t testing.TB) string {
	t.Helper()
	return replica.Build(t, "internal/podtest/testdata/podserver", replica.BuildFlags()...)
}

// TarsGoServer builds the server of the TarsGo framework, which is not watched
// for data races: it has some of its own.
func TarsGoServer(t testing.TB) string {
	t.Helper()
	return replica.Build(t, "internal/podtest/testdata/tarsgoserver")
}
