package sweep

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// legacy watches what has no lease (R2): instances of pods from before there
// were leases, and machines with tarsnode.
type legacy struct {
	unleased map[naming.Key]unchanged
	nodes    map[string]unchanged
}

// unchanged is since when the same text was read.
type unchanged struct {
	text  string
	since time.Time
}

func newLegacy() *legacy {
	return &legacy{unleased: map[naming.Key]unchanged{}, nodes: map[string]unchanged{}}
}

func (l *legacy) reset() {
	clear(l.unleased)
	clear(l.nodes)
}

// watch notes what was read now and forgets what was not; it gives since when
// each has been the same.
func watch[K comparable](seen map[K]unchanged, read map[K]string, now time.Time) {
	maps.DeleteFunc(seen, func(k K, _ unchanged) bool { _, there := read[k]; return !there })
	for k, text := range read {
		if u, known := seen[k]; !known || u.text != text {
			seen[k] = unchanged{text, now}
		}
	}
}

// sweepLegacy expires pod-like rows without a lease 250 s after they were first
// seen, unless somebody adopts them by a heartbeat, and machines whose tarsnode has
// been silent for 250 s. It is held back by whatever holds leases back.
func (s *Sweeper) sweepLegacy(ctx context.Context, p *plan) {
	if s.options.Legacy == nil {
		return
	}
	if !p.steady || s.guard.episode != nil && s.guard.episode.all {
		s.legacy.reset()
		return
	}
	if err := s.sweepUnleased(ctx, p); err != nil {
		p.failed([]error{err})
	}
	if err := s.sweepNodes(ctx, p); err != nil {
		p.failed([]error{err})
	}
}

func (s *Sweeper) sweepUnleased(ctx context.Context, p *plan) error {
	reading, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	instances, err := s.options.Legacy.UnleasedPods(reading)
	if err != nil {
		return fmt.Errorf("read instances without a lease: %w", err)
	}
	now := s.now()
	read := make(map[naming.Key]string, len(instances))
	for _, instance := range instances {
		if instance.Server != nil {
			read[instance.Key] = instance.Server.Stamp
		}
	}
	watch(s.legacy.unleased, read, now)
	var due []naming.Key
	for key := range read {
		if now.Sub(s.legacy.unleased[key].since) >= naming.NodeTimeout {
			due = append(due, key)
		}
	}
	expiry := func(key naming.Key) Expiry {
		return Expiry{
			Key: key, Silent: now.Sub(s.legacy.unleased[key].since),
			Reason: fmt.Sprintf("registered before there were leases, and no heartbeat for %s", naming.NodeTimeout),
		}
	}
	done, errs := inParallel(ctx, due, func(ctx context.Context, key naming.Key) (bool, error) {
		return s.options.Expirer.ExpireUnleased(ctx, key, expiry(key).Reason)
	})
	for _, key := range done {
		p.Expired = append(p.Expired, expiry(key))
	}
	p.failed(errs)
	return nil
}

func (s *Sweeper) sweepNodes(ctx context.Context, p *plan) error {
	reading, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	silent, err := s.options.Legacy.SilentNodes(reading, naming.NodeTimeout)
	if err != nil {
		return fmt.Errorf("read silent nodes: %w", err)
	}
	now := s.now()
	read := make(map[string]string, len(silent))
	for _, node := range silent {
		read[node.Node.Name] = node.Node.Heartbeat
	}
	watch(s.legacy.nodes, read, now)
	var due []store.SilentNode
	for _, node := range silent {
		if now.Sub(s.legacy.nodes[node.Node.Name].since) >= sightingGap && s.conditions.steady(naming.NodeTimeout, now) {
			due = append(due, node)
		}
	}
	expiry := func(node store.SilentNode) Expiry {
		return Expiry{
			Key: naming.Key{Node: node.Node.Name}, Silent: node.Age,
			Reason: fmt.Sprintf("no heartbeat of its tarsnode for %s", node.Age.Round(time.Second)),
		}
	}
	done, errs := inParallel(ctx, due, func(ctx context.Context, node store.SilentNode) (bool, error) {
		return s.options.Expirer.ExpireNode(ctx, node, expiry(node).Reason)
	})
	for _, node := range done {
		p.Expired = append(p.Expired, expiry(node))
	}
	p.failed(errs)
	return nil
}
