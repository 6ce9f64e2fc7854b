// Package behaviour holds the registry to its rules from the outside: real
// registries on real databases, spoken to over the wire, with the tables read and
// changed by plain SQL as other programs do. Its tests carry the names of the
// rules they hold.
package behaviour
