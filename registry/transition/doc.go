// Package transition holds what happens to an instance: registering, reporting,
// leaving, expiring, cleaning, flow. Each transition is a function of what the
// tables say and of what was asked; it runs inside a transaction that may be run
// again, so it keeps nothing and is idempotent (R30).
package transition
