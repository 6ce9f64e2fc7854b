//go:build race

package e2e

// raceDetector says that the binary is built with the race detector, as the
// tests are.
const raceDetector = true
