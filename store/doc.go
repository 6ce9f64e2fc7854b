// Package store is the one place with SQL: it keeps instances, leases, events
// and heartbeats in a database that speaks MySQL's protocol or in an embedded
// SQLite file, by one implementation with a small dialect.
package store
