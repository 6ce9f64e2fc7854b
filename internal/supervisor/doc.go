// Package supervisor is the whole life of a pod: it registers the instance,
// starts the server, watches and restarts it, tells the registry its state, and
// at the end drains, removes and stops it.
//
// # Invariants
//
// One goroutine owns the state and handles one event at a time; nothing it does
// waits for the registry, the server or a script. Whatever takes time runs in a
// goroutine of its own and ends in an event.
//
// The state that others see is a function of what is known (observe): it is
// active only while the server passes its checks and the registry has it.
//
//	activating -> active <-> inactive -> deactivating
//
// Leaving goes one way through its phases: announce (the registry is told
// deactivating, so that a SIGKILL from here on does no harm), drain, remove,
// stop, gone. Each is bounded by the plan made when leaving began.
package supervisor
