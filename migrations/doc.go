// Package migrations holds the tables: Tars' own, made only where they are
// missing and never altered, and the registry's (t_registry_...).
package migrations
