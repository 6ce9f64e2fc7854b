// Package storetest gives tests a migrated store on every kind of database that
// the registry runs on, and a plain connection to do there what other programs do.
package storetest
