package tarscli

import (
	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/readiness"
)

func (c *cli) hzcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hzcheck",
		Short: "Tell whether the pod is ready (the readiness probe)",
		Long: `hzcheck ends with 0 while the server is active, or deactivating: it then still
serves the clients that have not gone. Otherwise it ends with 1 and says why; also
when the supervisor has written nothing for twice TARS_REPORT_INTERVAL. It reads a
file and calls nobody. Without a supervisor it connects to the server's ports.`,
		Example: `  readinessProbe:
    exec: {command: [tarscli, hzcheck]}`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := c.environment()
			if err != nil {
				return err
			}
			return readiness.Check(cmd.Context(), env.Paths, env.ReportInterval)
		},
	}
}
