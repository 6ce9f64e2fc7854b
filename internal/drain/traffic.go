package drain

import "time"

// traffic remembers when each connection last carried a request.
type traffic struct {
	quiet, answer time.Duration
	first         time.Time
	known         map[uint64]*flow
}

// flow is what is known of one connection.
type flow struct {
	last Connection
	// request is when the last request came, answered whether anything went
	// back since then.
	request  time.Time
	answered bool
	seen     bool
}

func newTraffic(now time.Time, quiet, answer time.Duration) *traffic {
	return &traffic{quiet: quiet, answer: answer, first: now, known: make(map[uint64]*flow)}
}

// update takes a sample in. A connection that is gone is kept until its last
// request is older than the quiet period: clients that open a connection for
// every call are seen whenever a sample meets one.
func (t *traffic) update(now time.Time, connections []Connection) {
	for _, c := range connections {
		f := t.known[c.ID]
		if f == nil {
			f = t.begin(now, c)
			t.known[c.ID] = f
		} else {
			f.update(now, c)
		}
		f.seen = true
	}
	for id, f := range t.known {
		if !f.seen {
			f.answered = true // nobody is left to answer
			if now.Sub(f.request) >= t.quiet {
				delete(t.known, id)
			}
		}
		f.seen = false
	}
}

// begin is a connection that was not there in the last sample. What happened
// before the first sample is over.
func (t *traffic) begin(now time.Time, c Connection) *flow {
	f := &flow{last: c, answered: true}
	if c.BytesIn > 0 && now.After(t.first) && !isKeepAlive(Connection{}, c) {
		f.request, f.answered = now, c.SegmentsOut > 0
	}
	return f
}

func (f *flow) update(now time.Time, c Connection) {
	came, went := c.BytesIn > f.last.BytesIn, c.SegmentsOut != f.last.SegmentsOut
	switch {
	case came && !isKeepAlive(f.last, c):
		f.request, f.answered = now, went
	case went && !came && !f.answered:
		// The answer itself is traffic: the client may send the next request.
		f.request, f.answered = now, true
	}
	f.last = c
}

// keepAliveBytes is more than any tars_ping with the longest servant name.
const keepAliveBytes = 300

// isKeepAlive tells a client's keepalive from a request: a single small packet
// that nobody answers (Tars clients send tars_ping one way).
func isKeepAlive(before, after Connection) bool {
	return after.SegmentsOut == before.SegmentsOut &&
		after.SegmentsIn-before.SegmentsIn <= 1 &&
		after.BytesIn-before.BytesIn <= keepAliveBytes
}

// busy counts the connections that carried a request within the quiet period,
// or whose request is still being worked on, and gives one of their clients.
func (t *traffic) busy(now time.Time) (count int, example string) {
	for _, f := range t.known {
		if f.request.IsZero() {
			continue
		}
		limit := t.quiet
		if !f.answered {
			limit = max(t.quiet, t.answer)
		}
		if now.Sub(f.request) >= limit {
			continue
		}
		count++
		if example == "" || f.last.Remote < example {
			example = f.last.Remote
		}
	}
	return count, example
}
