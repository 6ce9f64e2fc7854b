//go:build race

package replica

// buildFlags have the registry watch for data races when the tests themselves do.
func buildFlags() []string { return []string{"-race"} }
