package rpc

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/guard"
)

// Options of a Server. Zero values mean the default that stands beside them.
type Options struct {
	// MaxFrame is the largest frame in bytes that is read, its length prefix
	// included: 10 MiB, the limit of TarsGo and TarsCpp. A buffer grows with
	// what arrives, not with what a prefix announces.
	MaxFrame int
	// MaxHeld bounds the memory in bytes of all connections beyond the small
	// buffers of those that are being read: large frames while they arrive,
	// queued calls, and answers that wait for their peers to read. 256 MiB.
	MaxHeld int64
	// MaxUnsent is how much may wait in bytes for a peer to read before its
	// connection is closed; a single answer may be larger. 1 MiB.
	MaxUnsent int

	// MaxConnections in all; what comes above is closed at once. 50,000.
	MaxConnections int
	// MaxConnectionsPerAddress from one source address. 0: no limit.
	MaxConnectionsPerAddress int

	// ReadTimeout is the time for a frame to arrive, from its first byte, and
	// for a TLS handshake. 10 s.
	ReadTimeout time.Duration
	// WriteTimeout is the time for a peer to take what is written. 10 s.
	WriteTimeout time.Duration
	// IdleTimeout closes connections that carried nothing for so long. 1 h.
	IdleTimeout time.Duration
	// CallTimeout is the longest time the context of a pooled call lives; the
	// caller's iTimeout shortens it. 60 s.
	CallTimeout time.Duration
	// Linger is how long Shutdown goes on serving connections after it asked
	// their clients to go elsewhere, within its context. 1 s.
	Linger time.Duration

	// Workers run pooled calls. 64.
	Workers int
	// Queue is how many calls may wait for a worker. 4,096.
	Queue int
	// MaxCallsPerConnection waiting or running on the pool. 1,024.
	MaxCallsPerConnection int

	// Guard bounds what generated readers are given.
	Guard guard.Limits

	// Logger; nil discards.
	Logger *slog.Logger
	// Observer; nil observes nothing.
	Observer Observer
}

// ListenOptions of one listener.
type ListenOptions struct {
	// TLS, when set, makes every connection a TLS connection. Its
	// GetConfigForClient is honoured, so certificates can be changed.
	TLS *tls.Config
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxFrame, 10<<20)
	setDefault(&o.MaxHeld, 256<<20)
	setDefault(&o.MaxUnsent, 1<<20)
	setDefault(&o.MaxConnections, 50_000)
	setDefault(&o.ReadTimeout, 10*time.Second)
	setDefault(&o.WriteTimeout, 10*time.Second)
	setDefault(&o.IdleTimeout, time.Hour)
	setDefault(&o.CallTimeout, time.Minute)
	setDefault(&o.Linger, time.Second)
	setDefault(&o.Workers, 64)
	setDefault(&o.Queue, 4096)
	setDefault(&o.MaxCallsPerConnection, 1024)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = NopObserver{}
	}
	return o
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
