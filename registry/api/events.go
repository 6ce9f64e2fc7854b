package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// eventView is a transition as the API shows it.
type eventView struct {
	ID          int64  `json:"id"`
	Time        string `json:"time"`
	Application string `json:"application"`
	Server      string `json:"server"`
	Node        string `json:"node"`
	Kind        string `json:"kind"`
	State       string `json:"state,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Actor       string `json:"actor,omitempty"`
	Revision    int64  `json:"revision,omitempty"`
}

func viewOfEvent(event naming.Event) eventView {
	return eventView{
		ID: event.ID, Time: event.Time, Application: event.Key.Application, Server: event.Key.Server,
		Node: event.Key.Node, Kind: string(event.Kind), State: string(event.State),
		Reason: event.Reason, Actor: event.Actor, Revision: event.Revision,
	}
}

func eventFilter(r *http.Request) (store.EventFilter, error) {
	query := r.URL.Query()
	filter := store.EventFilter{
		Application: query.Get("application"), Server: query.Get("server"),
		Node: query.Get("node"), Kind: naming.EventKind(query.Get("kind")),
	}
	var err error
	if filter.Limit, err = limitOf(r); err != nil {
		return filter, err
	}
	for name, into := range map[string]*int64{"before": &filter.Before, "after": &filter.After} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		if *into, err = strconv.ParseInt(text, 10, 64); err != nil || *into < 0 {
			return filter, badRequest("%s must be the id of an event", name)
		}
	}
	return filter, nil
}

// events lists the history, newest first; with `after`, oldest first.
func (a *api) events(r *http.Request) (any, error) {
	filter, err := eventFilter(r)
	if err != nil {
		return nil, err
	}
	events, err := a.History.EventHistory(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	views := make([]eventView, 0, len(events))
	for _, event := range events {
		views = append(views, viewOfEvent(event))
	}
	return map[string]any{"items": views}, nil
}

// The change feed.
const (
	maxStreams     = 256
	streamInterval = 500 * time.Millisecond
	streamComment  = 15 * time.Second // keeps connections through proxies
	streamStall    = 30 * time.Second // for a peer to take what is sent
	// settle is how long an id is waited for: ids are given before commits, so
	// that a smaller one may show after a greater one (R22).
	settle = 4 * time.Second
)

// stream is the change feed: server-sent events, resumable by Last-Event-ID.
// Each event is sent once, within a second of its commit.
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		writeProblem(w, problem{http.StatusServiceUnavailable, fmt.Sprintf("there are %d change feeds open already", maxStreams)})
		return
	}
	filter, err := eventFilter(r)
	if err != nil {
		writeProblem(w, a.problemOf(r, err))
		return
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if filter.After, err = strconv.ParseInt(last, 10, 64); err != nil {
			writeProblem(w, a.problemOf(r, badRequest("Last-Event-ID must be the id of an event")))
			return
		}
	}
	if filter.After == 0 {
		newest, err := a.History.EventHistory(r.Context(), store.EventFilter{Limit: 1})
		if err != nil {
			writeProblem(w, a.problemOf(r, err))
			return
		}
		if len(newest) > 0 {
			filter.After = newest[0].ID
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	feed := &feed{api: a, w: w, flush: http.NewResponseController(w), filter: filter, sent: map[int64]time.Time{}}
	feed.run(r)
}

// feed is one open change feed.
type feed struct {
	api    *api
	w      http.ResponseWriter
	flush  *http.ResponseController
	filter store.EventFilter
	// sent are the ids after filter.After that were sent, and when: ids before
	// the oldest that has not settled are asked for again.
	sent map[int64]time.Time
}

func (f *feed) run(r *http.Request) {
	ticker := time.NewTicker(streamInterval)
	defer ticker.Stop()
	spoken := time.Now()
	if _, err := fmt.Fprint(f.w, ": following\n\n"); err != nil {
		return
	}
	for {
		// The server's own limit is for answers that end.
		err := f.flush.SetWriteDeadline(time.Now().Add(streamStall))
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return
		}
		wrote, err := f.next(r)
		if err != nil {
			return // the client resumes by the last id it saw
		}
		if !wrote && time.Since(spoken) > streamComment {
			_, err = fmt.Fprint(f.w, ": still here\n\n")
			wrote = true
		}
		if wrote {
			spoken = time.Now()
		}
		if err != nil || f.flush.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

func (f *feed) next(r *http.Request) (wrote bool, err error) {
	events, err := f.api.History.EventHistory(r.Context(), f.filter)
	if err != nil {
		return false, fmt.Errorf("read the event log: %w", err)
	}
	now := time.Now()
	for _, event := range events {
		if _, known := f.sent[event.ID]; known {
			continue
		}
		f.sent[event.ID] = now
		body, err := json.Marshal(viewOfEvent(event))
		if err != nil {
			return wrote, fmt.Errorf("encode event %d: %w", event.ID, err)
		}
		if _, err := fmt.Fprintf(f.w, "id: %d\nevent: %s\ndata: %s\n\n", event.ID, event.Kind, body); err != nil {
			return wrote, fmt.Errorf("send event %d: %w", event.ID, err)
		}
		wrote = true
	}
	f.advance(events, now)
	return wrote, nil
}

// advance moves past what has settled: no smaller id can show up any more.
func (f *feed) advance(events []naming.Event, now time.Time) {
	for _, event := range events { // oldest first
		if now.Sub(f.sent[event.ID]) < settle && len(events) < f.filter.Limit {
			return
		}
		f.filter.After = event.ID
		delete(f.sent, event.ID)
	}
}
