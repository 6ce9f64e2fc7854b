// Package commit carries many requests' transitions in one transaction: one
// committer takes what is waiting, sorted, and a failing request never fails its
// neighbours.
package commit
