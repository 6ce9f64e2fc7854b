//go:build !race

package podtest

const watchRaces = false
