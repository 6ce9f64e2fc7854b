//go:build !race

package replica

// buildFlags of the registry.
func buildFlags() []string { return nil }
