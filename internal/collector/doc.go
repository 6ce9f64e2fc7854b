// Package collector tells Go's garbage collector how much memory it may let a
// registry waste: enough that a small one is not collected all the time, and no
// more than half again of what a large one needs.
package collector
