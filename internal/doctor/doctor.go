// Package doctor examines a pod and says, for all it finds, what to change.
// It looks only: nothing is written, registered or sent that changes anything.
package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/genconf"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// Level says how bad a finding is.
type Level int

// The levels. A Problem keeps the pod from working; a Warning will hurt on some
// day; OK and Note are for reading.
const (
	OK Level = iota
	Note
	Warning
	Problem
)

func (l Level) String() string {
	return [...]string{"ok", "note", "warning", "PROBLEM"}[l]
}

// Finding is one thing that was looked at.
type Finding struct {
	Level   Level
	Subject string
	Text    string // what is so
	Change  string // what to do; empty where there is nothing to do
}

// Findings are in the order they were found.
type Findings []Finding

// Worst is the worst level among them.
func (f Findings) Worst() Level {
	worst := OK
	for _, finding := range f {
		worst = max(worst, finding.Level)
	}
	return worst
}

// Print writes them for people, each with what to do under it.
func (f Findings) Print(w io.Writer) error {
	var b strings.Builder
	for _, finding := range f {
		fmt.Fprintf(&b, "%-8s %s: %s\n", finding.Level, finding.Subject, finding.Text)
		if finding.Change != "" {
			fmt.Fprintf(&b, "%-8s -> %s\n", "", finding.Change)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Examine looks at the pod whose environment lookup tells. It takes as long as
// the registry takes to answer, the context at most.
func Examine(ctx context.Context, lookup pod.Lookup, dialer *tarsclient.Dialer) Findings {
	e := &examination{}
	env, err := pod.ReadEnvironment(lookup)
	e.variables(env, err)
	address, known := e.address(env)
	if known {
		e.identity(env, address)
	}
	running := e.files(ctx, env)
	if running {
		e.server(ctx, env)
	}
	e.stop(env)
	if !known {
		return e.found
	}
	generate := genconf.Generate
	if running {
		generate = genconf.GenerateAgain
	}
	result, err := generate(env)
	if err != nil {
		e.add(Problem, "configuration", err.Error(), "mend what it names; then see the result with tarscli genconf --dry-run")
		return e.found
	}
	e.configuration(env, result)
	e.locator(ctx, result.Info, dialer)
	return e.found
}

// examination collects findings.
type examination struct {
	found Findings
}

func (e *examination) add(level Level, subject, text, change string) {
	e.found = append(e.found, Finding{level, subject, text, change})
}

func (e *examination) ok(subject, format string, args ...any) {
	e.add(OK, subject, fmt.Sprintf(format, args...), "")
}
