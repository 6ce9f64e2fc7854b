package tarscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/pod"
)

// The exit codes of all commands but supervisor, which ends with the server's.
const (
	exitOK     = 0
	exitFailed = 1 // the command could not do what it is for, or the answer is no
	exitUsage  = 2 // the command line or a variable can't be understood
)

// Process is what the program gets from its surroundings.
type Process struct {
	Args   []string   // without the program's name
	Lookup pod.Lookup // environment variables
	Stdout io.Writer
	Stderr io.Writer
}

// Run runs one command and returns its exit code.
func Run(p Process) int {
	c := &cli{Process: p}
	root := c.root()
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(context.Background())
	code := exitCode(err)
	if text := errorText(err); text != "" {
		fmt.Fprintf(p.Stderr, "tarscli: %s\n", text)
	}
	return code
}

// cli is the surroundings, for the commands.
type cli struct {
	Process
}

// root is the program itself. Its commands are listed here and nowhere else.
func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tarscli",
		Short: "The life of a Tars server in a pod: entrypoint, probe, stop hook and operator's tool",
		Long: `tarscli is what runs in the pod of a Tars server: its container's entrypoint
(supervisor), its readiness probe (hzcheck) and stop hook (prestop), and an
operator's tool. It is set up by environment variables; tarscli help variables
lists them.`,
		Example: `  CMD tarscli supervisor                     # in the container file
  tarscli genconf --dry-run                  # see the server's configuration
  tarscli notify tars.setloglevel DEBUG      # tell the server something
  tarscli doctor                             # what is wrong with this pod?
  tarscli list instances                     # who is registered?
  tarscli lookup App.Server.Obj              # what would a client get, and why?`,
		Args:          cobra.ArbitraryArgs,
		RunE:          unknownCommand,
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetHelpCommand(helpCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%v; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		c.versionCommand(),
		c.completionCommand(),
		variablesTopic(),
	)
	root.AddGroup(
		&cobra.Group{ID: podGroup, Title: "Commands in a pod:"},
		&cobra.Group{ID: operatorGroup, Title: "Commands for the operator (they ask the registry's HTTP port):"},
	)
	root.AddCommand(c.podCommands()...)
	root.AddCommand(c.operatorCommands()...)
	return root
}

// unknownCommand is where everything ends that is no command, or nothing.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		root.PrintErr(root.UsageString())
		return &exit{code: exitUsage}
	}
	hint := "tarscli help lists the commands"
	if similar := root.SuggestionsFor(args[0]); len(similar) > 0 {
		hint = "did you mean " + strings.Join(similar, " or ") + "?"
	}
	return usage("unknown command %q: %s", args[0], hint)
}

// noArguments is cobra.NoArgs with our exit code.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no arguments; see %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

// exit is an error that decides the exit code. An empty text prints nothing:
// the command has said all there is to say.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[*exit](err); ok {
		return e.code
	}
	return exitFailed
}

// errorText is what is printed: the errors of several variables in a line each.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "\n  ")
}

// environment reads the variables. What can't be read is a usage error.
func (c *cli) environment() (*pod.Environment, error) {
	env, err := pod.ReadEnvironment(c.Lookup)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return env, nil
}

// warn prints what people should know and programs need not.
func (c *cli) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(c.Stderr, "tarscli: warning: %s\n", w)
	}
}

// logger writes what happens over time, for the supervisor.
func (c *cli) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.Stderr, nil))
}
