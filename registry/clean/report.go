package clean

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// Report is what was removed, or with DryRun would be.
type Report struct {
	DryRun  bool      `json:"dryRun"`
	Before  string    `json:"before"` // the cut-off, in the database's time zone
	Servers []Removal `json:"servers"`
	Nodes   []Removal `json:"nodes"`
}

// Removal is one server, or one node, which has neither application nor server.
type Removal struct {
	Application string `json:"application,omitempty"`
	Server      string `json:"server,omitempty"`
	Node        string `json:"node"`
	// Failure says why it could not be removed; "": it was.
	Failure string `json:"failure,omitempty"`
}

func removal(key naming.Key, err error) Removal {
	return Removal{key.Application, key.Server, key.Node, failure(err)}
}

func nodeRemoval(node string, err error) Removal {
	return removal(naming.Key{Node: node}, err)
}

// failure is what a report says of an error; the sentences of the database stay
// in the log.
func failure(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, store.ErrUnavailable):
		return "the database is not available"
	default:
		return err.Error()
	}
}

// Failed counts what could not be removed.
func (r Report) Failed() int {
	failed := 0
	for _, list := range [][]Removal{r.Servers, r.Nodes} {
		for _, removal := range list {
			if removal.Failure != "" {
				failed++
			}
		}
	}
	return failed
}

// String is the report as the admin command prints it: a line for each server and
// each node, and what they amount to.
func (r Report) String() string {
	var b strings.Builder
	for _, removal := range r.Servers {
		key := naming.Key{Application: removal.Application, Server: removal.Server, Node: removal.Node}
		writeLine(&b, "server", key.String(), removal.Failure)
	}
	for _, removal := range r.Nodes {
		writeLine(&b, "node", removal.Node, removal.Failure)
	}
	servers, nodes := plural(len(r.Servers), "server"), plural(len(r.Nodes), "node")
	failed := r.Failed()
	switch {
	case r.DryRun:
		fmt.Fprintf(&b, "dry run: %s and %s inactive since before %s would be removed; \"clean n\" removes them", servers, nodes, r.Before)
	case failed > 0:
		fmt.Fprintf(&b, "of %s and %s inactive since before %s, %d could not be removed; they will be tried again", servers, nodes, r.Before, failed)
	default:
		fmt.Fprintf(&b, "removed %s and %s inactive since before %s", servers, nodes, r.Before)
	}
	return b.String()
}

func writeLine(b *strings.Builder, what, name, failure string) {
	b.WriteString(what + " " + name)
	if failure != "" {
		b.WriteString(": not removed: " + failure)
	}
	b.WriteByte('\n')
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
