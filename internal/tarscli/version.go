package tarscli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/version"
)

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(c.Stdout, version.Line("tarscli", version.Version()))
			return err
		},
	}
}
