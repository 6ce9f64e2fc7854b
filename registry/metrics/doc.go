// Package metrics counts what the registry does, for Prometheus. Every label has
// a bounded set of values.
package metrics
