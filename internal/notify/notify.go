// Package notify sends a management command to a server's AdminObj and judges
// the answer. Servers answer in words, each language in its own; what means
// "no" in which is written down here.
package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/internal/tarsconf"
)

// Servant is the name of every server's admin servant.
const Servant = "AdminObj"

// Target is whom to tell, and how.
type Target struct {
	Endpoint string            // "tcp -h 127.0.0.1 -p 13000 -t 5000"
	Token    pod.Secret        // sent as tars-token; empty: none
	Dialer   tarsclient.Dialer // its Timeout bounds a call
}

// RefusedError is an answer by which the server did not do what the command
// asks.
type RefusedError struct {
	Command string
	Answer  string // what the server said
	Unknown bool   // it does not know the command
}

func (e *RefusedError) Error() string {
	if e.Unknown {
		return fmt.Sprintf("the server does not know the command %q", e.Command)
	}
	return fmt.Sprintf("the server refused %q", e.Command)
}

// Send gives the command ("tars.setloglevel INFO") to the server and returns
// what it said. With a *RefusedError the answer is returned as well; other
// errors mean that there is none.
func Send(ctx context.Context, t Target, command string) (string, error) {
	command = strings.TrimSpace(command)
	if command == "" {
		return "", errors.New("there is no command to send")
	}
	answer, err := t.call(ctx, command)
	if err != nil {
		return "", err
	}
	name, _, _ := strings.Cut(command, " ")
	switch {
	case t.isUnknown(ctx, name, answer):
		return answer, &RefusedError{Command: command, Answer: answer, Unknown: true}
	case isRefusal(name, answer):
		return answer, &RefusedError{Command: command, Answer: answer}
	}
	return answer, nil
}

func (t Target) call(ctx context.Context, command string) (string, error) {
	request := tarsclient.Request{Servant: Servant, Function: "notify", Body: wire.AppendString(nil, 1, command)}
	if t.Token != "" {
		request.Context = map[string]string{"tars-token": string(t.Token)}
	}
	response, err := t.Dialer.Invoke(ctx, t.Endpoint, request)
	if err != nil {
		return "", fmt.Errorf("send %q to %s: %w", command, t.Endpoint, err)
	}
	r := wire.NewReader(response.Body)
	answer := string(r.String(0))
	if err := r.Err(); err != nil {
		return "", fmt.Errorf("answer of %s: %w", t.Endpoint, err)
	}
	return answer, nil
}

// isUnknown tells whether the answer says that there is no such command.
// TarsGo says "<command> not support now!". TarsCpp says nothing at all, which
// from others may be a success: there tars.help, which TarsCpp knows, lists
// the commands.
func (t Target) isUnknown(ctx context.Context, name, answer string) bool {
	if strings.TrimSpace(answer) != "" {
		return saysAny(answer, "not support now", "unknown command", "unrecognized command", "invalid command",
			"unsupported command", "command not found", "no such command")
	}
	help, err := t.call(ctx, "tars.help")
	if err != nil {
		return false
	}
	known := commands(help)
	return slices.Contains(known, "tars.help") && !slices.Contains(known, name)
}

// commands reads TarsCpp's list: a command a line, the first behind "[1]:".
func commands(help string) []string {
	var found []string
	for line := range strings.Lines(help) {
		line = strings.TrimSpace(line)
		if _, after, ok := strings.Cut(line, "]:"); ok {
			line = after
		}
		found = append(found, line)
	}
	return found
}

// isRefusal knows the words of TarsGo ("tars.setloglevel failed: …",
// "Getconfig Error!: …") and TarsCpp ("[fail] get remote config …").
func isRefusal(name, answer string) bool {
	return strings.HasPrefix(answer, name+" failed") ||
		strings.HasPrefix(answer, "Getconfig Error") ||
		strings.Contains(answer, "[fail]")
}

// saysAny looks at the first line only: what follows may be anything.
func saysAny(answer string, phrases ...string) bool {
	first, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(answer)), "\n")
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(first, p) })
}

// Endpoint finds out whom to tell: the endpoint given, else
// TARS_ADMIN_ENDPOINT, else the admin endpoint of the pod's own server. The
// forms are "tcp -h host -p port", "AdminObj@tcp -h host -p port" and
// "host:port".
func Endpoint(env *pod.Environment, given string) (string, error) {
	if given != "" {
		return readEndpoint("--endpoint", given)
	}
	if env.AdminEndpoint != "" {
		return readEndpoint("TARS_ADMIN_ENDPOINT", env.AdminEndpoint)
	}
	info, err := pod.LoadInfo(env.Paths)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no server has been configured under %s, so there is none to notify: give --endpoint or TARS_ADMIN_ENDPOINT", env.Paths.Root)
	}
	if err != nil {
		return "", err
	}
	local := info.Conf.Local
	if conf, err := tarsconf.Load(info.ConfFile()); err == nil {
		// What the server was started with counts, if somebody edited it.
		local = conf.Get("/tars/application/server<local>", local)
	}
	return readEndpoint("local in "+info.ConfFile(), local)
}

func readEndpoint(name, text string) (string, error) {
	if _, after, ok := strings.Cut(text, "@"); ok {
		text = after
	}
	text = strings.TrimSpace(text)
	if !strings.Contains(text, " ") {
		if i := strings.LastIndexByte(text, ':'); i >= 0 {
			text = "tcp -h " + strings.Trim(text[:i], "[]") + " -p " + text[i+1:]
		}
	}
	parsed, err := naming.ParseEndpoint(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if parsed.Port == 0 {
		return "", fmt.Errorf("%s: endpoint %q has no port", name, text)
	}
	return text, nil
}
