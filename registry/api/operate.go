package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tarsregistry/tarsregistry/registry/clean"
)

// maxBody bounds the body of a request in bytes.
const maxBody = 64 << 10

// decode reads a small JSON body; an empty one leaves the value as it is.
func decode(r *http.Request, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return badRequest("the body is not the JSON that is expected: %v", err)
	}
	return nil
}

// done is the answer to a change that has nothing else to say.
type done struct {
	Done bool `json:"done"`
}

func (a *api) setFlow(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	var request struct {
		Flow   string `json:"flow"`
		Reason string `json:"reason"`
	}
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	if request.Flow != "on" && request.Flow != "off" {
		return nil, badRequest("flow must be on or off")
	}
	if err := checkReason(request.Reason); err != nil {
		return nil, err
	}
	if err := a.Operator.SetFlow(r.Context(), key, request.Flow == "on", request.Reason, actor(r)); err != nil {
		return nil, err
	}
	return done{true}, nil
}

func (a *api) deregister(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	reason := r.URL.Query().Get("reason")
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	if err := a.Operator.Deregister(r.Context(), key, reason, actor(r)); err != nil {
		return nil, err
	}
	return done{true}, nil
}

// checkReason keeps what a person wrote to a line of reasonable length.
func checkReason(reason string) error {
	const most = 200
	if len(reason) > most {
		return badRequest("reason must be at most %d bytes", most)
	}
	for _, c := range reason {
		if c < ' ' {
			return badRequest("reason must be one line")
		}
	}
	return nil
}

// clean is a dry run unless it is told otherwise.
func (a *api) clean(r *http.Request) (any, error) {
	request := struct {
		DryRun *bool  `json:"dryRun"`
		Before string `json:"before"`
	}{}
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	report, err := a.Operator.Clean(r.Context(), clean.Request{
		DryRun: request.DryRun == nil || *request.DryRun, Before: request.Before, Actor: actor(r),
	})
	if err != nil {
		return nil, err
	}
	return report, nil
}

func (a *api) protection(*http.Request) (any, error) {
	state := a.Protection()
	held := make([]string, 0, len(state.Held))
	for _, key := range state.Held {
		held = append(held, key.String())
	}
	view := map[string]any{
		"on": state.On, "reason": state.Reason, "held": held, "draining": state.Draining,
		"unproven": state.Unproven, "provenInSeconds": state.ProvenIn.Seconds(), "releasedBy": state.ReleasedBy,
		"sweeping": state.Sweeping, "sweeper": state.Sweeper,
	}
	if !state.Since.IsZero() {
		view["since"] = state.Since.UTC().Format(time.RFC3339)
	}
	return view, nil
}

func (a *api) release(r *http.Request) (any, error) {
	if err := a.Operator.ReleaseProtection(r.Context(), actor(r)); err != nil {
		return nil, err
	}
	return done{true}, nil
}

// actor is who asks, for events and the audit log: where the call comes from,
// the name in a client certificate, and the name the caller gives itself.
func actor(r *http.Request) string {
	who := "http " + remoteHost(r)
	if name := certified(r); name != "" {
		who += " [" + name + "]"
	}
	if name := r.Header.Get("X-Tars-Actor"); name != "" && len(name) <= 60 && checkReason(name) == nil {
		who += " (" + name + ")"
	}
	return who
}
