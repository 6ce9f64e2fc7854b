// Package commit carries many requests' transitions in one transaction: a
// committer takes what is waiting, sorted, in lanes by node, and a failing request
// never fails its neighbours.
package commit
