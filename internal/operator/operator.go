package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/tarsregistry/tarsregistry/internal/apiclient"
)

// Format is how results are printed.
type Format string

// The formats. JSON is the API's own and stable, one document a command.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
)

// Operator runs commands and prints their results.
type Operator struct {
	API    *apiclient.Client
	Out    io.Writer
	Format Format
}

// Filter picks instances; empty fields pick all.
type Filter struct {
	Application, Server, Node, State, Lease, Set string
}

func (f Filter) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"application": f.Application, "server": f.Server, "node": f.Node,
		"state": f.State, "lease": f.Lease, "set": f.Set,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// all reads a whole list, page by page.
func all[T any](ctx context.Context, api *apiclient.Client, path string, query url.Values) ([]T, error) {
	query.Set("limit", "1000")
	items := []T{}
	for {
		var page apiclient.Page[T]
		if err := api.Get(ctx, path, query, &page); err != nil {
			return nil, fmt.Errorf("list %s: %w", path, err)
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			return items, nil
		}
		query.Set("after", page.Next)
	}
}

// json prints a value as an indented document.
func (o *Operator) json(value any) error {
	encoder := json.NewEncoder(o.Out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// table prints rows in aligned columns below a heading.
func (o *Operator) table(heading string, rows [][]string) error {
	w := tabwriter.NewWriter(o.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func count(n int) string { return strconv.Itoa(n) }

// dash stands for an empty cell, so that columns can be counted.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
