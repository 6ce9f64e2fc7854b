// Package conformance holds look-ups to the recorded answers of a C++ registry
// and to a plain model, from the outside: rows in real tables, a whole
// registry, questions over TCP from the addresses of their callers.
package conformance
