package tarscli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/control"
	"github.com/tarsregistry/tarsregistry/internal/genconf"
)

func (c *cli) genconfCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "genconf",
		Short: "Make the server's configuration",
		Long: `genconf makes the server's configuration, $TARS_PATH/conf/<server>.conf, from
_server_meta.yaml and environment variables, and lays the file of
TARS_MERGE_CONF over it. What it decided (ports, address, names) goes to
$TARS_PATH/data/server_info.yaml. Ports chosen earlier on the same volume are
kept while they are free, and in any case while a supervisor runs here.

tarscli supervisor does this by itself.`,
		Example: `  tarscli genconf                 # write the files
  tarscli genconf --dry-run       # print the configuration, write nothing`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.genconf(cmd.Context(), dryRun) },
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the configuration and write nothing")
	return cmd
}

func (c *cli) genconf(ctx context.Context, dryRun bool) error {
	env, err := c.environment()
	if err != nil {
		return err
	}
	generate := genconf.Generate
	if control.Running(ctx, env.Paths.Socket()) {
		generate = genconf.GenerateAgain
	}
	result, err := generate(env)
	if err != nil {
		return err
	}
	c.warn(result.Warnings)
	if dryRun {
		_, err := fmt.Fprint(c.Stdout, result.Text)
		return err
	}
	return result.Write()
}
