package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/adminf"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

// ErrShutdown comes out of Err when the admin servant was told to shut the
// registry down: no failure.
var ErrShutdown = errors.New("shut down by an admin command")

// adminServant is AdminObj, which management commands reach as in any Tars
// server: `tarscli notify`, TarsWeb and tarsnode call it.
type adminServant struct {
	commands map[string]adminCommand
	shutdown func()
	edge     edge
}

// adminCommand is one management command: what its arguments are, what it does,
// and the function that does it.
type adminCommand struct {
	usage string
	about string
	run   func(ctx context.Context, arguments string) (string, error)
}

func (r *Registry) newAdminServant() rpc.Servant {
	admin := &adminServant{commands: r.adminCommands(), edge: r.edge(), shutdown: func() { r.fail(ErrShutdown) }}
	check := tokenCheck(r.options.Token, newRefusals(r.logger))
	required := r.options.RequireToken
	return rpc.Servant{
		Name:      adminServantName,
		Functions: []string{"notify", "shutdown"},
		Dispatch:  rpc.Generated(new(adminf.AdminF), admin),
		Authorize: func(call *rpc.Call) error {
			if !required && call.Peer().Addr().Unmap().IsLoopback() {
				return nil
			}
			return check(call)
		},
	}
}

// Notify runs a management command and answers with its report. An unknown
// command is an error, so that a script sees it.
func (a *adminServant) Notify(ctx context.Context, line string) (string, error) {
	name, arguments, _ := strings.Cut(strings.TrimSpace(line), " ")
	command, known := a.commands[name]
	if !known {
		return "", rpc.Errorf(rpc.CodeFailed, "unknown command %q; tars.help lists the commands", limited(name))
	}
	report, err := command.run(ctx, strings.TrimSpace(arguments))
	if err != nil {
		return "", a.edge.answer("admin command "+name, err)
	}
	return report, nil
}

// Shutdown ends the registry as SIGTERM does.
func (a *adminServant) Shutdown(context.Context) error {
	a.shutdown()
	return nil
}

func limited(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

// usageError is what a command says of arguments it cannot use.
func usageError(command, format string, args ...any) error {
	return rpc.Errorf(rpc.CodeFailed, "%s: %s", command, fmt.Sprintf(format, args...))
}

func (r *Registry) adminCommands() map[string]adminCommand {
	commands := map[string]adminCommand{
		"tars.viewversion": {"", "the registry's version", func(context.Context, string) (string, error) {
			return r.options.Version, nil
		}},
		"tars.setloglevel": {"DEBUG|INFO|WARN|ERROR", "change what is logged", r.setLogLevel},
		"badrows":          {"", "rows of the tables that look-ups pass over, and why", r.reportBadRows},
		"clean": {
			"[n [yyyy-mm-dd hh:mm:ss]]",
			"remove what pods left behind; without n only tell what would be removed", r.cleanCommand,
		},
	}
	commands["tars.help"] = adminCommand{"", "this list", func(context.Context, string) (string, error) {
		return helpText(commands), nil
	}}
	commands["tars.viewstatus"] = adminCommand{"", "how the registry is", func(context.Context, string) (string, error) {
		return r.statusText(), nil
	}}
	return commands
}

func helpText(commands map[string]adminCommand) string {
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		command := commands[name]
		fmt.Fprintf(&b, "%-46s %s\n", strings.TrimSpace(name+" "+command.usage), command.about)
	}
	return b.String()
}

func (r *Registry) setLogLevel(_ context.Context, text string) (string, error) {
	if r.options.LogLevel == nil {
		return "", usageError("tars.setloglevel", "the level cannot be changed while running")
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return "", usageError("tars.setloglevel", "%q is no level; use DEBUG, INFO, WARN or ERROR", limited(text))
	}
	r.options.LogLevel.Set(level)
	return "log level is " + level.String(), nil
}

func (r *Registry) reportBadRows(context.Context, string) (string, error) {
	picture := r.table.Picture()
	if picture == nil {
		return "", errStarting
	}
	rows := picture.BadRows()
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "%s %s: %s\n", row.Key, row.Adapter, row.Reason)
	}
	fmt.Fprintf(&b, "%d bad rows", len(rows))
	return b.String(), nil
}

func (r *Registry) statusText() string {
	status := r.status()
	return fmt.Sprintf("version %s\nreplica %s\ndatabase %s\ninstances %d\nstate %s %s",
		status.Version, status.Replica, status.Database, status.Instances, status.State, status.Reason)
}
