package rpc

import "time"

// Observer is told what happens, for metrics. Its methods are called from many
// goroutines and on hot paths: they must not block. Embed NopObserver to
// implement some of them.
//
// The strings are from bounded sets: reasons are the Reason constants, servants
// are registered names, functions are a servant's Functions, "tars_ping", or
// "other".
type Observer interface {
	ConnectionOpened()
	ConnectionClosed(reason string)
	// ConnectionRefused: a connection closed as soon as it was accepted.
	ConnectionRefused(reason string)
	// CallDone: a call that was answered, or a one-way call that ended.
	// elapsed counts from when its frame was read.
	CallDone(servant, function string, code int32, elapsed time.Duration, inline bool)
	// CallRefused: the pool did not take a call; CallDone follows.
	CallRefused(reason string)
	// CallDropped: its iTimeout was over before it was started; no answer.
	CallDropped(servant, function string)
	// FrameRefused: something that is no valid request.
	FrameRefused(reason string)
	// Panicked: a handler panicked; CallDone follows.
	Panicked(servant, function string)
}

// Reasons given to an Observer.
const (
	ReasonPeer         = "peer"          // the peer closed, or the network broke
	ReasonShutdown     = "shutdown"      // this server shuts down
	ReasonIdle         = "idle"          // nothing for IdleTimeout
	ReasonReadTimeout  = "read-timeout"  // a frame did not arrive in time
	ReasonWriteTimeout = "write-timeout" // answers were not taken in time
	ReasonUnsent       = "unsent"        // more than MaxUnsent waits for the peer
	ReasonHandshake    = "handshake"     // TLS
	ReasonFrame        = "frame"         // length or beginning of no Tars frame
	ReasonHeader       = "header"        // a packet whose header cannot be read
	ReasonVersion      = "version"       // a protocol version not spoken here
	ReasonGuard        = "guard"         // arguments refused by the guard
	ReasonMemory       = "memory"        // MaxHeld
	ReasonConnections  = "connections"   // MaxConnections
	ReasonAddress      = "address"       // MaxConnectionsPerAddress
	ReasonAccept       = "accept"        // accepting failed, such as for want of file descriptors
	ReasonQueue        = "queue"         // Queue
	ReasonCalls        = "calls"         // MaxCallsPerConnection
)

// NopObserver is an Observer that does nothing.
type NopObserver struct{}

// ConnectionOpened implements Observer.
func (NopObserver) ConnectionOpened() {}

// ConnectionClosed implements Observer.
func (NopObserver) ConnectionClosed(string) {}

// ConnectionRefused implements Observer.
func (NopObserver) ConnectionRefused(string) {}

// CallDone implements Observer.
func (NopObserver) CallDone(string, string, int32, time.Duration, bool) {}

// CallRefused implements Observer.
func (NopObserver) CallRefused(string) {}

// CallDropped implements Observer.
func (NopObserver) CallDropped(string, string) {}

// FrameRefused implements Observer.
func (NopObserver) FrameRefused(string) {}

// Panicked implements Observer.
func (NopObserver) Panicked(string, string) {}
