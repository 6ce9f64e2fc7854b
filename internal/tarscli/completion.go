package tarscli

import (
	"github.com/spf13/cobra"
)

func (c *cli) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes tarscli's command line in a shell",
		Example: `  source <(tarscli completion bash)
  tarscli completion zsh > "${fpath[1]}/_tarscli"
  tarscli completion fish | source`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE:      c.completion,
	}
}

func (c *cli) completion(cmd *cobra.Command, args []string) error {
	root := cmd.Root()
	generators := map[string]func() error{
		"bash":       func() error { return root.GenBashCompletionV2(c.Stdout, true) },
		"zsh":        func() error { return root.GenZshCompletion(c.Stdout) },
		"fish":       func() error { return root.GenFishCompletion(c.Stdout, true) },
		"powershell": func() error { return root.GenPowerShellCompletionWithDesc(c.Stdout) },
	}
	if len(args) != 1 || generators[args[0]] == nil {
		return usage("completion wants the name of a shell: bash, zsh, fish or powershell")
	}
	return generators[args[0]]()
}
