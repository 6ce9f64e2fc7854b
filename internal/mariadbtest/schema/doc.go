// Package schema makes, for tests, the Tars databases that a registry may find
// and has to adopt: the one that Tars' own installer makes, older and newer
// variants of it, and what a start of the web console TarsWeb does to any of
// them.
//
// It is written from the description of the tables and shares nothing with the
// registry's own migrations, which it is there to check.
package schema
