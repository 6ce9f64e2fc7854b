package tarscli

import "github.com/spf13/cobra"

// podCommands are those that Kubernetes runs.
func (c *cli) podCommands() []*cobra.Command {
	return []*cobra.Command{
		c.supervisorCommand(),
		c.hzcheckCommand(),
		c.prestopCommand(),
	}
}
