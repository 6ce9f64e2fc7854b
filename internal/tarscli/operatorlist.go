package tarscli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/operator"
)

// listCommands only read.
func (c *cli) listCommands() []*cobra.Command {
	return []*cobra.Command{
		c.listCommand(), c.getCommand(), c.eventsCommand(), c.watchCommand(),
		c.lookupCommand(), c.registriesCommand(),
	}
}

func filterFlags(cmd *cobra.Command, filter *operator.Filter) {
	flags := cmd.Flags()
	flags.StringVar(&filter.Application, "application", "", "only of this application")
	flags.StringVar(&filter.Server, "server", "", "only of this server")
	flags.StringVar(&filter.Node, "node", "", "only on this node")
}

func (c *cli) listCommand() *cobra.Command {
	var filter operator.Filter
	var prefix string
	cmd := &cobra.Command{
		Use:   "list applications|servers|instances|objects",
		Short: "List what is registered",
		Example: `  tarscli list instances --application App --state inactive
  tarscli list instances -o wide
  tarscli list objects --prefix App.
  tarscli list servers -o json | jq '.[] | select(.serving == 0)'`,
		Args:      oneArgument("what to list: applications, servers, instances or objects"),
		ValidArgs: []string{"applications", "servers", "instances", "objects"},
	}
	cmd = c.operatorCommand(cmd, func(ctx context.Context, o *operator.Operator, args []string) error {
		switch args[0] {
		case "applications":
			return o.Applications(ctx)
		case "servers":
			return o.Servers(ctx, filter.Application)
		case "instances":
			return o.Instances(ctx, filter)
		case "objects":
			return o.Objects(ctx, prefix)
		default:
			return usage("there is no list of %q: applications, servers, instances or objects", args[0])
		}
	})
	filterFlags(cmd, &filter)
	cmd.Flags().StringVar(&filter.State, "state", "", "only in this present state")
	cmd.Flags().StringVar(&filter.Lease, "lease", "", "only with a lease in this state: live, expired, left or cleaned")
	cmd.Flags().StringVar(&filter.Set, "set", "", "only in this set, name.area.group")
	cmd.Flags().StringVar(&prefix, "prefix", "", "only objects whose name begins so")
	return cmd
}

func (c *cli) getCommand() *cobra.Command {
	return c.operatorCommand(&cobra.Command{
		Use:     "get App.Server@node",
		Short:   "Show an instance with its lease, adapters and history",
		Example: `  tarscli get App.Server@10.0.0.7`,
		Args:    oneArgument("an instance, App.Server@node"),
	}, func(ctx context.Context, o *operator.Operator, args []string) error {
		key, err := operator.ParseInstance(args[0])
		if err != nil {
			return &exit{exitUsage, err}
		}
		return o.Get(ctx, key)
	})
}

func (c *cli) eventsCommand() *cobra.Command {
	var filter operator.Filter
	var kind string
	var limit int
	cmd := c.operatorCommand(&cobra.Command{
		Use:   "events",
		Short: "Show who came, went and failed, and why; the newest first",
		Example: `  tarscli events --application App --limit 20
  tarscli events --kind expired`,
		Args: noArguments,
	}, func(ctx context.Context, o *operator.Operator, _ []string) error {
		return o.Events(ctx, filter, kind, limit)
	})
	filterFlags(cmd, &filter)
	cmd.Flags().StringVar(&kind, "kind", "", "only of this kind: registered, state, revived, left, ended, expired, cleaned, flow, ...")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	return cmd
}

func (c *cli) watchCommand() *cobra.Command {
	var filter operator.Filter
	var kind string
	cmd := c.operatorCommand(&cobra.Command{
		Use:     "watch",
		Short:   "Print changes as they happen, until Ctrl-C",
		Example: `  tarscli watch --application App`,
		Args:    noArguments,
	}, func(ctx context.Context, o *operator.Operator, _ []string) error {
		return o.Watch(ctx, filter, kind)
	})
	filterFlags(cmd, &filter)
	cmd.Flags().StringVar(&kind, "kind", "", "only events of this kind")
	return cmd
}

func (c *cli) lookupCommand() *cobra.Command {
	var as, set string
	cmd := c.operatorCommand(&cobra.Command{
		Use:   "lookup App.Server.Obj",
		Short: "Show what a client would be answered, and why each endpoint is where it is",
		Long: `lookup shows what a client would be answered, and why each endpoint is active,
inactive or left out. The exit code is 1 when the client would get no active
endpoint.`,
		Example: `  tarscli lookup App.Server.Obj
  tarscli lookup App.Server.Obj --as 10.0.0.7 --set gray.sz.1`,
		Args: oneArgument("the name of an object, App.Server.Obj"),
	}, func(ctx context.Context, o *operator.Operator, args []string) error {
		return o.Lookup(ctx, args[0], as, set)
	})
	cmd.Flags().StringVar(&as, "as", "", "the client's address or node name, for IP groups")
	cmd.Flags().StringVar(&set, "set", "", "the client's set, name.area.group")
	return cmd
}

func (c *cli) registriesCommand() *cobra.Command {
	return c.operatorCommand(&cobra.Command{
		Use:     "registries",
		Short:   "List the registry's replicas and those of a C++ registry",
		Example: `  tarscli registries`,
		Args:    noArguments,
	}, func(ctx context.Context, o *operator.Operator, _ []string) error { return o.Registries(ctx) })
}
