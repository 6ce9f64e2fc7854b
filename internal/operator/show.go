package operator

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/apiclient"
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func instancePath(key naming.Key) string {
	return "instances/" + apiclient.Path(key.Application, key.Server, key.Node)
}

// Get shows one instance with its lease, adapters and history.
func (o *Operator) Get(ctx context.Context, key naming.Key) error {
	var instance apiclient.Instance
	if err := o.API.Get(ctx, instancePath(key), nil, &instance); err != nil {
		return fmt.Errorf("get %s: %w", key, err)
	}
	if o.Format == JSON {
		return o.json(instance)
	}
	fields := [][]string{
		{"instance", instance.Name()},
		{"state", dash(instance.PresentState) + " (wanted: " + dash(instance.SettingState) + ")"},
		{"flow", instance.Flow},
		{"serving", fmt.Sprint(instance.Serving)},
		{"set", dash(instance.Set)},
		{"version", dash(instance.Version)},
		{"type", dash(instance.ServerType)},
	}
	fields = append(fields, leaseFields(instance.Lease)...)
	for _, adapter := range instance.Adapters {
		fields = append(fields, []string{"adapter", adapter.Servant + "  " + adapter.Endpoint})
	}
	if err := o.table("FIELD VALUE", fields); err != nil {
		return err
	}
	if instance.Missing != "" {
		fmt.Fprintln(o.Out, "\nno history:", instance.Missing)
		return nil
	}
	fmt.Fprintln(o.Out)
	return o.printEvents(instance.Events)
}

func leaseFields(lease *apiclient.Lease) [][]string {
	if lease == nil {
		return [][]string{{"lease", "none: tarsnode or TarsWeb manages it"}}
	}
	state := fmt.Sprintf("%s, revision %d", lease.State, lease.Revision)
	if lease.State == "live" {
		state += fmt.Sprintf(", ends %s after the last heartbeat", seconds(lease.DurationSeconds))
	}
	fields := [][]string{
		{"lease", state},
		{"identity", dash(strings.TrimSpace(lease.Identity + " " + lease.Kind))},
	}
	if lease.HeartbeatAgeSeconds > 0 {
		fields = append(fields, []string{"heartbeat", seconds(lease.HeartbeatAgeSeconds) + " ago, as stored"})
	}
	if lease.FlowOffBy != "" {
		fields = append(fields, []string{"flow off by", lease.FlowOffBy})
	}
	if lease.MetricsPort != 0 {
		fields = append(fields, []string{"metrics port", fmt.Sprint(lease.MetricsPort)})
	}
	if lease.WorkerID != nil {
		fields = append(fields, []string{"worker id", fmt.Sprint(*lease.WorkerID)})
	}
	return fields
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// Events shows the history, newest first.
func (o *Operator) Events(ctx context.Context, filter Filter, kind string, limit int) error {
	query := filter.query()
	query.Set("limit", count(limit))
	if kind != "" {
		query.Set("kind", kind)
	}
	var page apiclient.Page[apiclient.Event]
	if err := o.API.Get(ctx, "events", query, &page); err != nil {
		return fmt.Errorf("list events: %w", err)
	}
	if o.Format == JSON {
		return o.json(page.Items)
	}
	return o.printEvents(page.Items)
}

func (o *Operator) printEvents(events []apiclient.Event) error {
	rows := make([][]string, 0, len(events))
	for _, event := range events {
		rows = append(rows, eventRow(event))
	}
	return o.table("TIME EVENT INSTANCE STATE BY WHY", rows)
}

func eventRow(event apiclient.Event) []string {
	name := event.Application + "." + event.Server + "@" + event.Node
	return []string{event.Time, event.Kind, name, dash(event.State), dash(event.Actor), dash(event.Reason)}
}

// Watch prints changes as they happen, a line each, until ctx ends.
func (o *Operator) Watch(ctx context.Context, filter Filter, kind string) error {
	query := filter.query()
	if kind != "" {
		query.Set("kind", kind)
	}
	var failure error
	err := o.API.Watch(ctx, query, func(event apiclient.Event) bool {
		if o.Format == JSON {
			failure = o.json(event)
			return failure == nil
		}
		row := eventRow(event)
		_, failure = fmt.Fprintf(o.Out, "%s  %-12s %s  %s  %s\n", row[0], row[1], row[2], row[3], row[5])
		return failure == nil
	})
	if failure != nil {
		return fmt.Errorf("print: %w", failure)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// Lookup shows what a client would be answered and why. It fails when the client
// would have no active endpoint, so that scripts can ask.
func (o *Operator) Lookup(ctx context.Context, object, as, set string) error {
	query := url.Values{}
	if as != "" {
		query.Set("as", as)
	}
	if set != "" {
		query.Set("set", set)
	}
	var found apiclient.Lookup
	if err := o.API.Get(ctx, "objects/"+apiclient.Path(object), query, &found); err != nil {
		return fmt.Errorf("look up %s: %w", object, err)
	}
	if err := o.printLookup(&found); err != nil {
		return err
	}
	for _, endpoint := range found.Endpoints {
		if endpoint.List == "active" {
			return nil
		}
	}
	return fmt.Errorf("%s has no active endpoint for this caller (code %d)", object, found.Code)
}

func (o *Operator) printLookup(found *apiclient.Lookup) error {
	if o.Format == JSON {
		return o.json(found)
	}
	fmt.Fprintf(o.Out, "%s: code %d, chosen by: %s\n\n", found.Object, found.Code, found.Step)
	rows := make([][]string, 0, len(found.Endpoints))
	for _, e := range found.Endpoints {
		address := fmt.Sprintf("%s -h %s -p %d", e.Transport, e.Host, e.Port)
		rows = append(rows, []string{dash(e.List), address, dash(e.Node), dash(e.Set), e.Reason})
	}
	return o.table("LIST ENDPOINT NODE SET WHY", rows)
}
