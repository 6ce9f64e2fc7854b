// Package podtest plays Kubernetes for tests: it builds the real tarscli, makes
// container directories, starts containers on loopback addresses as pods, probes
// them, ends them as a kubelet does (stop hook, SIGTERM, SIGKILL, the grace
// period with its extension), starts them again on the same volume, and has a
// registry that remembers what it was told. All tests of pods use it.
package podtest
