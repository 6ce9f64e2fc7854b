// Package tars is the wire interface of the naming service: the definitions of
// its three servants (pod.tars, query.tars, node.tars) and the code that
// tars2go makes of them. Nothing else in this package is written by hand.
package tars

//go:generate sh generate.sh
