// Package roster is what this replica knows of every instance: the newest
// version of each that was read or written, fed by own commits, by other
// replicas' events and by comparison with the tables, and told on to whoever
// answers from memory.
package roster
