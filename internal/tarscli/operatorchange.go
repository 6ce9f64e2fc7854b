package tarscli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/operator"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// changeCommands change something, or may.
func (c *cli) changeCommands() []*cobra.Command {
	return []*cobra.Command{
		c.flowCommand(), c.deregisterCommand(), c.cleanCommand(), c.protectionCommand(), c.callCommand(),
	}
}

func (c *cli) flowCommand() *cobra.Command {
	var reason string
	cmd := c.operatorCommand(&cobra.Command{
		Use:   "flow on|off App.Server@node",
		Short: "Keep clients from an instance, or let them come again",
		Long: `flow off takes an instance out of clients' lists while it runs on. It survives
the instance's restarts and ends when the instance leaves.`,
		Example: `  tarscli flow off App.Server@10.0.0.7 --reason "looking into errors"
  tarscli flow on App.Server@10.0.0.7`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 || (args[0] != "on" && args[0] != "off") {
				return usage("flow wants on or off, and an instance: tarscli flow off App.Server@node")
			}
			return nil
		},
		ValidArgs: []string{"on", "off"},
	}, func(ctx context.Context, o *operator.Operator, args []string) error {
		key, err := operator.ParseInstance(args[1])
		if err != nil {
			return &exit{exitUsage, err}
		}
		return o.SetFlow(ctx, key, args[0] == "on", reason)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history")
	return cmd
}

func (c *cli) deregisterCommand() *cobra.Command {
	var reason string
	cmd := c.operatorCommand(&cobra.Command{
		Use:     "deregister App.Server@node",
		Short:   "End a pod's instance; it comes back when its pod starts anew",
		Example: `  tarscli deregister App.Server@10.0.0.7 --reason "node is gone"`,
		Args:    oneArgument("an instance, App.Server@node"),
	}, func(ctx context.Context, o *operator.Operator, args []string) error {
		key, err := operator.ParseInstance(args[0])
		if err != nil {
			return &exit{exitUsage, err}
		}
		return o.Deregister(ctx, key, reason)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history")
	return cmd
}

func (c *cli) cleanCommand() *cobra.Command {
	var yes bool
	var before string
	cmd := c.operatorCommand(&cobra.Command{
		Use:   "clean",
		Short: "Remove for good what pods left behind; without --yes only tell what",
		Example: `  tarscli clean
  tarscli clean --yes
  tarscli clean --before "2026-01-02 15:04:05"`,
		Args: noArguments,
	}, func(ctx context.Context, o *operator.Operator, _ []string) error { return o.Clean(ctx, !yes, before) })
	cmd.Flags().BoolVar(&yes, "yes", false, "really remove")
	cmd.Flags().StringVar(&before, "before", "", "cut-off, in the time zone of the database (default: as long ago as the registry's setting says)")
	return cmd
}

func (c *cli) protectionCommand() *cobra.Command {
	return c.operatorCommand(&cobra.Command{
		Use:   "protection [release]",
		Short: "Show whether leases are kept from expiring, and why; or let them expire",
		Example: `  tarscli protection
  tarscli protection release`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || (len(args) == 1 && args[0] != "release") {
				return usage("protection takes nothing, or: release")
			}
			return nil
		},
		ValidArgs: []string{"release"},
	}, func(ctx context.Context, o *operator.Operator, args []string) error {
		if len(args) == 1 {
			return o.ReleaseProtection(ctx)
		}
		return o.Protection(ctx)
	})
}

func (c *cli) callCommand() *cobra.Command {
	var set string
	cmd := c.operatorCommand(&cobra.Command{
		Use:   "call App.Server.Obj function '{\"name\":value}'",
		Short: "Call a function of a servant with JSON arguments, and print its answer",
		Example: `  tarscli call App.Server.Obj Add '{"a":1,"b":2}'
  tarscli call "App.Server.Obj@tcp -h 10.0.0.7 -p 10000" Add '{"a":1,"b":2}'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 {
				return usage("call wants a servant, a function and a JSON object of arguments")
			}
			return nil
		},
	}, func(ctx context.Context, o *operator.Operator, args []string) error {
		return o.Call(ctx, &tarsclient.Dialer{}, args[0], args[1], args[2], set)
	})
	cmd.Flags().StringVar(&set, "set", "", "the set to look the servant up in")
	return cmd
}
