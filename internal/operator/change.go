package operator

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/apiclient"
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// ParseInstance reads App.Server@node.
func ParseInstance(text string) (naming.Key, error) {
	name, node, found := strings.Cut(text, "@")
	application, server, dotted := strings.Cut(name, ".")
	if !found || !dotted || application == "" || server == "" || node == "" {
		return naming.Key{}, fmt.Errorf("%q is no instance; write App.Server@node", text)
	}
	return naming.Key{Application: application, Server: server, Node: node}, nil
}

// SetFlow turns an instance's flow on or off.
func (o *Operator) SetFlow(ctx context.Context, key naming.Key, on bool, reason string) error {
	flow := "off"
	if on {
		flow = "on"
	}
	body := map[string]string{"flow": flow, "reason": reason}
	var done map[string]bool
	if err := o.API.Do(ctx, http.MethodPut, instancePath(key)+"/flow", nil, body, &done); err != nil {
		return fmt.Errorf("turn the flow of %s %s: %w", key, flow, err)
	}
	return o.say(done, "the flow of %s is %s", key, flow)
}

// Deregister ends a pod's instance.
func (o *Operator) Deregister(ctx context.Context, key naming.Key, reason string) error {
	query := url.Values{}
	if reason != "" {
		query.Set("reason", reason)
	}
	var done map[string]bool
	if err := o.API.Do(ctx, http.MethodDelete, instancePath(key), query, nil, &done); err != nil {
		return fmt.Errorf("deregister %s: %w", key, err)
	}
	return o.say(done, "%s is deregistered; it comes back when its pod starts anew", key)
}

// Clean removes what pods left behind, or tells what it would.
func (o *Operator) Clean(ctx context.Context, dryRun bool, before string) error {
	body := map[string]any{"dryRun": dryRun, "before": before}
	var report apiclient.CleanReport
	if err := o.API.Do(ctx, http.MethodPost, "clean", nil, body, &report); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	if o.Format == JSON {
		return o.json(report)
	}
	verb := "removed"
	if report.DryRun {
		verb = "would remove"
	}
	rows := make([][]string, 0, len(report.Servers)+len(report.Nodes))
	for _, removal := range report.Servers {
		rows = append(rows, []string{"server", removal.Application + "." + removal.Server + "@" + removal.Node, dash(removal.Failure)})
	}
	for _, removal := range report.Nodes {
		rows = append(rows, []string{"node", removal.Node, dash(removal.Failure)})
	}
	fmt.Fprintf(o.Out, "%s %d servers and %d nodes, inactive since before %s\n", verb, len(report.Servers), len(report.Nodes), report.Before)
	if report.DryRun && len(rows) > 0 {
		fmt.Fprintln(o.Out, "to remove them: tarscli clean --yes")
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(o.Out)
	return o.table("KIND NAME FAILURE", rows)
}

// Protection shows whether leases are kept from expiring, and why.
func (o *Operator) Protection(ctx context.Context) error {
	var state apiclient.Protection
	if err := o.API.Get(ctx, "protection", nil, &state); err != nil {
		return fmt.Errorf("read the protection: %w", err)
	}
	if o.Format == JSON {
		return o.json(state)
	}
	switch {
	case !state.Sweeping && state.Sweeper != "":
		return o.say(nil, "not known here: protection is the business of the replica that sweeps; ask that one with --api: %s", state.Sweeper)
	case !state.Sweeping:
		return o.say(nil, "protection is off as far as is known: no replica has swept since this one started")
	case !state.On:
		return o.say(nil, "protection is off: leases expire as they run out")
	}
	fmt.Fprintf(o.Out, "protection is ON since %s: %s\n", state.Since, state.Reason)
	if state.Unproven != "" {
		fmt.Fprintf(o.Out, "it stays on because: %s; where all that is held is known to be dead, end it by: tarscli protection release\n", state.Unproven)
	} else {
		fmt.Fprintf(o.Out, "it ends in %s if all stays well; at once by: tarscli protection release\n", seconds(state.ProvenInSeconds))
	}
	rows := make([][]string, 0, len(state.Held))
	for _, held := range state.Held {
		rows = append(rows, []string{held})
	}
	return o.table("\nHELD", rows)
}

// ReleaseProtection lets a held sweep go on.
func (o *Operator) ReleaseProtection(ctx context.Context) error {
	var done map[string]bool
	if err := o.API.Do(ctx, http.MethodPost, "protection/release", nil, nil, &done); err != nil {
		return fmt.Errorf("release the protection: %w", err)
	}
	return o.say(done, "released: what is overdue expires with the next sweep")
}

// say prints a sentence, or with JSON the answer.
func (o *Operator) say(answer any, format string, args ...any) error {
	if o.Format == JSON {
		return o.json(answer)
	}
	if _, err := fmt.Fprintf(o.Out, format+"\n", args...); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
