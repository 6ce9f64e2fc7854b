package operator

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/apiclient"
)

// Applications lists applications with counts of their instances.
func (o *Operator) Applications(ctx context.Context) error {
	return o.summaries(ctx, "applications", url.Values{}, "APPLICATION INSTANCES SERVING STATES")
}

// Servers lists servers with counts of their instances.
func (o *Operator) Servers(ctx context.Context, application string) error {
	query := url.Values{}
	if application != "" {
		query.Set("application", application)
	}
	return o.summaries(ctx, "servers", query, "SERVER INSTANCES SERVING STATES")
}

func (o *Operator) summaries(ctx context.Context, path string, query url.Values, heading string) error {
	list, err := all[apiclient.Summary](ctx, o.API, path, query)
	if err != nil {
		return err
	}
	if o.Format == JSON {
		return o.json(list)
	}
	rows := make([][]string, 0, len(list))
	for _, summary := range list {
		name := summary.Application
		if summary.Server != "" {
			name += "." + summary.Server
		}
		rows = append(rows, []string{name, count(summary.Instances), count(summary.Serving), states(summary.States)})
	}
	return o.table(heading, rows)
}

func states(counts map[string]int) string {
	parts := make([]string, 0, len(counts))
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
	}
	return strings.Join(parts, ", ")
}

// Instances lists instances.
func (o *Operator) Instances(ctx context.Context, filter Filter) error {
	list, err := all[apiclient.Instance](ctx, o.API, "instances", filter.query())
	if err != nil {
		return err
	}
	if o.Format == JSON {
		return o.json(list)
	}
	heading := "INSTANCE STATE FLOW SERVING LEASE"
	if o.Format == Wide {
		heading += " SET VERSION TYPE ENDPOINTS"
	}
	rows := make([][]string, 0, len(list))
	for i := range list {
		rows = append(rows, o.row(&list[i]))
	}
	return o.table(heading, rows)
}

func (o *Operator) row(instance *apiclient.Instance) []string {
	lease := "-" // tarsnode's, or TarsWeb's
	if instance.Lease != nil {
		lease = instance.Lease.State
	}
	serving := "no"
	if instance.Serving {
		serving = "yes"
	}
	row := []string{instance.Name(), dash(instance.PresentState), instance.Flow, serving, lease}
	if o.Format != Wide {
		return row
	}
	endpoints := make([]string, 0, len(instance.Adapters))
	for _, adapter := range instance.Adapters {
		endpoints = append(endpoints, adapter.Endpoint)
	}
	return append(row, dash(instance.Set), dash(instance.Version), dash(instance.ServerType), dash(strings.Join(endpoints, "; ")))
}

// Objects lists the names that can be looked up.
func (o *Operator) Objects(ctx context.Context, prefix string) error {
	query := url.Values{}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	list, err := all[string](ctx, o.API, "objects", query)
	if err != nil {
		return err
	}
	if o.Format == JSON {
		return o.json(list)
	}
	rows := make([][]string, 0, len(list))
	for _, name := range list {
		rows = append(rows, []string{name})
	}
	return o.table("OBJECT", rows)
}

// Registries lists the replicas of the registry, of every make.
func (o *Operator) Registries(ctx context.Context) error {
	list, err := all[apiclient.Registry](ctx, o.API, "registries", url.Values{})
	if err != nil {
		return err
	}
	if o.Format == JSON {
		return o.json(list)
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		rows = append(rows, []string{r.Locator, r.Servant, r.State, dash(r.Version), r.Endpoint})
	}
	return o.table("REPLICA SERVANT STATE VERSION ENDPOINT", rows)
}
