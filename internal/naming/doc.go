// Package naming holds the domain of the naming service: what an instance, an
// adapter, an endpoint, a node, a set, a lease and an event are. It is pure
// data and rules about data; it reads no database, no clock and no network.
package naming
