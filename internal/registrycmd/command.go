package registrycmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tarsregistry/tarsregistry/internal/settings"
	"github.com/tarsregistry/tarsregistry/internal/version"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/store"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the service could not start, or broke down
	exitUsage  = 2 // a bad setting, an unknown flag or command
)

// Process is what the program gets from its surroundings.
type Process struct {
	Args    []string // without the program's name
	Getenv  func(string) string
	Stdout  io.Writer
	Stderr  io.Writer
	Signals <-chan os.Signal // each asks to stop; the second one at once
}

// Run runs the command line and gives its exit code. It returns when the
// command has ended, which serve does after a signal.
func Run(p Process) int {
	program := &program{Process: p, version: version.Version(), open: openService}
	return program.run()
}

// service is what serve runs; *registry.Registry, except in tests.
type service interface {
	Start(ctx context.Context) error
	Ready() <-chan struct{}
	Err() <-chan error
	Addresses() registry.Addresses
	Stop(ctx context.Context) error
}

type program struct {
	Process
	version string
	open    func(registry.Options) (service, error)
}

func openService(options registry.Options) (service, error) {
	opened, err := registry.New(options)
	if err != nil {
		return nil, err // and not a nil *Registry in an interface
	}
	return opened, nil
}

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func (p *program) run() int {
	root := p.root()
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(p.Stderr, "registry: %v\n", err)
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Fprintln(p.Stderr, "registry: perhaps another one runs. Each of --query-port, --node-port, --pod-port, --http-port and --admin-port takes another port, or 0 for any that is free")
	}
	if errors.Is(err, store.ErrDenied) {
		fmt.Fprintln(p.Stderr, "registry: registry doctor with the same settings says which right is missing, docs/deploying.md lists them")
	}
	var usage *usageError
	var setting *settings.Error
	if errors.As(err, &usage) || errors.As(err, &setting) {
		return exitUsage
	}
	return exitFailed
}

func (p *program) root() *cobra.Command {
	root := p.serveCommand("registry [command]")
	root.Short = "The naming service of a Tars installation"
	root.Long = "registry takes registrations and heartbeats of Tars servers and answers their\nclients' look-ups. Without a command it serves (see registry serve), and without a\nsetting it keeps its data in ./data and listens on 127.0.0.1."
	root.Version = p.version
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.SetVersionTemplate("registry {{.Version}}\n")
	serve := p.serveCommand("serve")
	serve.Short = "Run the registry (what registry does without a command)"
	root.AddCommand(serve, p.migrateCommand(), p.doctorCommand(), p.versionCommand())
	return root
}

// noArguments refuses words that are no command.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %s", args[0], cmd.CommandPath())
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		text += "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return &usageError{text + "; see registry --help"}
}

// flagError keeps what stands behind an unknown letter to itself: in
// -psecret it is a password.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "" {
		err = fmt.Errorf("unknown flag: -%s", unknown.GetSpecifiedShortnames()[:1])
	}
	return &usageError{fmt.Sprintf("%v; see %s --help", err, cmd.CommandPath())}
}

// settingsKey is the annotation that holds a command's settings for its help.
const settingsKey = "settings"

const usageTemplate = `Usage:
  {{.UseLine}}
{{if .HasAvailableSubCommands}}
Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}
{{end}}{{with index .Annotations "settings"}}
Settings, as flags or environment variables; a flag counts before a variable, a
variable before the --config file:

{{.}}{{end}}{{if .HasExample}}
Examples:
{{.Example}}
{{end}}`
