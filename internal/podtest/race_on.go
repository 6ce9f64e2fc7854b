//go:build race

package podtest

// watchRaces makes the programs under test watch for data races when the tests
// themselves do.
const watchRaces = true
