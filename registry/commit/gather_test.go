package commit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/store"
)

// slow is a store whose transactions take their time and are counted.
type slow struct {
	took  time.Duration
	sizes []int
}

func (s *slow) Update(_ context.Context, scope store.Scope, _ func(*store.Tx) error) (*store.Commit, error) {
	time.Sleep(s.took)
	s.sizes = append(s.sizes, len(scope.Keys))
	return &store.Commit{}, nil
}

// TestCrowdSharesTransactions: who was answered together and comes back one after
// the other finds the transaction waiting.
func TestCrowdSharesTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, times = 64, 10
		s := &slow{took: 10 * time.Millisecond}
		c := commit.New(s, commit.Options{})
		var group sync.WaitGroup
		for n := range callers {
			group.Go(func() {
				for range times {
					time.Sleep(time.Duration(n) * 50 * time.Microsecond)
					if err := c.Do(t.Context(), register(n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		c.Close()
		// The first finds nobody; those that it kept waiting are the first crowd.
		if most := times + 2; len(s.sizes) > most {
			t.Errorf("%d transactions, want at most %d: %v", len(s.sizes), most, s.sizes)
		}
	})
}

// TestLoneRequestDoesNotWait: only a crowd is worth waiting for.
func TestLoneRequestDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{took: 10 * time.Millisecond}
		c := commit.New(s, commit.Options{Gap: time.Second})
		for n := range 3 {
			start := time.Now()
			if err := c.Do(t.Context(), register(n)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != s.took {
				t.Errorf("request %d took %v, its transaction %v", n, took, s.took)
			}
		}
		c.Close()
	})
}

func TestTooManyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := blocked{let: make(chan struct{})}
		c := commit.New(b, commit.Options{MaxWaiting: 1})
		results := make(chan error, 2)
		for range 2 { // one is committed, then one waits
			go func() { results <- c.Do(t.Context(), register(1)) }()
			synctest.Wait()
		}
		if err := c.Do(t.Context(), register(1)); !errors.Is(err, commit.ErrBusy) {
			t.Errorf("the third of two gets %v, want ErrBusy", err)
		}
		close(b.let)
		for range 2 {
			if err := <-results; err != nil {
				t.Errorf("who waited got %v", err)
			}
		}
		c.Close()
	})
}
