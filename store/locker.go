package store

import (
	"context"
	"time"
)

// LockRequest asks for the lock of a server in master/standby mode (R34).
type LockRequest struct {
	Application string
	Server      string
	Node        string
	Master      bool          // the caller believes it holds the lock
	LastError   bool          // its last call failed
	Timeout     time.Duration // 1 s .. 10 min
	// SwitchRoutes makes the holder's bak_flag 0 and the others' 1.
	SwitchRoutes bool
}

// LockResult says who has the lock.
type LockResult struct {
	Granted bool
	Holder  string
	Commit  *Commit // what SwitchRoutes changed; nil: nothing
}

// Lock grants or renews a lock by the database's clock. Never two hold it at once.
func (s *Store) Lock(ctx context.Context, request LockRequest) (LockResult, error) {
	return LockResult{}, errNotYet
}
