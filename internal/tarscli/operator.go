package tarscli

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/apiclient"
	"github.com/tarsregistry/tarsregistry/internal/operator"
)

// defaultAPI is where a registry on this machine has its HTTP port.
const defaultAPI = "http://127.0.0.1:17893"

// operatorGroup is the heading of these commands in the help.
const operatorGroup = "operator"

// operatorFlags are common to the operator's commands.
type operatorFlags struct {
	api     string
	output  string
	timeout time.Duration
}

// operatorCommands are those that ask the registry's JSON API.
func (c *cli) operatorCommands() []*cobra.Command {
	commands := append(c.listCommands(), c.changeCommands()...)
	for _, command := range commands {
		command.GroupID = operatorGroup
	}
	return commands
}

// operatorCommand makes a command that runs with an Operator.
func (c *cli) operatorCommand(cmd *cobra.Command, run func(context.Context, *operator.Operator, []string) error) *cobra.Command {
	var flags operatorFlags
	cmd.Flags().StringVar(&flags.api, "api", "", "where the registry's HTTP port is (TARS_REGISTRY_API) (default "+defaultAPI+")")
	cmd.Flags().StringVarP(&flags.output, "output", "o", "table", "table, wide or json")
	cmd.Flags().DurationVar(&flags.timeout, "timeout", 10*time.Second, "how long to wait for the registry")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, err := c.operator(flags)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if cmd.Name() != "watch" {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, flags.timeout)
			defer cancel()
		}
		return run(ctx, o, args)
	}
	return cmd
}

func (c *cli) operator(flags operatorFlags) (*operator.Operator, error) {
	env, err := c.environment()
	if err != nil {
		return nil, err
	}
	format := operator.Format(flags.output)
	if format != operator.Table && format != operator.Wide && format != operator.JSON {
		return nil, usage("--output is %q; it must be table, wide or json", flags.output)
	}
	if flags.timeout <= 0 {
		return nil, usage("--timeout is %s; it must be longer than 0", flags.timeout)
	}
	base := flags.api
	if base == "" {
		base, _ = c.Lookup("TARS_REGISTRY_API")
	}
	if base == "" {
		base = defaultAPI
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	user, _ := c.Lookup("USER")
	return &operator.Operator{
		API: &apiclient.Client{Base: base, Token: string(env.Token), Actor: user},
		Out: c.Stdout, Format: format,
	}, nil
}

// oneArgument wants exactly one and says what it is.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("%s wants %s; see %s --help", cmd.Name(), what, cmd.CommandPath())
		}
		return nil
	}
}
