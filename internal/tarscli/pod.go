package tarscli

import "github.com/spf13/cobra"

// podCommands are those that run in a pod.
func (c *cli) podCommands() []*cobra.Command {
	commands := []*cobra.Command{
		c.supervisorCommand(),
		c.hzcheckCommand(),
		c.prestopCommand(),
		c.genconfCommand(),
		c.notifyCommand(),
		c.syncdirCommand(),
		c.doctorCommand(),
	}
	for _, command := range commands {
		command.GroupID = podGroup
	}
	return commands
}

// podGroup is the heading of these commands in the help.
const podGroup = "pod"
