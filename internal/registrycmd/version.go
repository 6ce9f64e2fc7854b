package registrycmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/version"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.Stdout, version.Line("registry", p.version))
			return err
		},
	}
}
