package supervisor

import (
	"math/rand/v2"
	"time"
)

// The pace of restarts.
const (
	firstRestart   = time.Second
	longestRestart = time.Minute
	// healthyWhile is how long a server must have been well for its earlier
	// crashes to be forgotten.
	healthyWhile = time.Minute
)

// backoff counts restarts in a row. The zero value is ready to use.
type backoff struct {
	restarts int
}

// next is the pause before the next restart: twice the one before, give or take
// a quarter, so that the pods of a broken release don't crash in step.
func (b *backoff) next() time.Duration {
	pause := longestRestart
	if b.restarts < 6 {
		pause = firstRestart << b.restarts
	}
	b.restarts++
	return min(pause*3/4+rand.N(pause/2), longestRestart)
}

// reset forgets the restarts.
func (b *backoff) reset() { b.restarts = 0 }
