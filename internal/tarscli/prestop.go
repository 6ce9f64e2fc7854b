package tarscli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/supervisor"
)

func (c *cli) prestopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "prestop",
		Short: "Leave without losing a call (the stop hook)",
		Long: `prestop asks the supervisor to leave, shows its progress and returns when the
server may be killed: the registry knows, the clients have gone or the time is
over, the registration is removed. Without a supervisor it does this itself. Doing
it twice is harmless.

Exit code 0 means that all of it was done; 1 that the registry could not be told.`,
		Example: `  lifecycle:
    preStop:
      exec: {command: [tarscli, prestop]}`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := c.environment()
			if err != nil {
				return err
			}
			say := func(text string) { fmt.Fprintln(c.Stdout, text) }
			return supervisor.Prestop(cmd.Context(), env, c.logger(), say)
		},
	}
}
