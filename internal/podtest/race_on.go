//go:build race

package podtest

// buildFlags make the programs under test watch for data races when the tests
// themselves do.
var buildFlags = []string{"-race"}
