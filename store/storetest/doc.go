// Package storetest gives tests a migrated store on every kind of database that
// the registry runs on, and a plain connection to do there what other programs do.
// It is for unix systems: a MariaDB is started for it.
package storetest
