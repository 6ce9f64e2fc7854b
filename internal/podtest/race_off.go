//go:build !race

package podtest

var buildFlags []string
