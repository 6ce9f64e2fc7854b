package registrycmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/doctor"
	"github.com/tarsregistry/tarsregistry/internal/registrydoctor"
	"github.com/tarsregistry/tarsregistry/internal/settings"
	"github.com/tarsregistry/tarsregistry/registry"
)

// errUnfit ends doctor with a problem; the findings say which.
var errUnfit = errors.New("doctor found problems")

func (p *program) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Examine database, ports and settings, and change nothing", Args: noArguments,
		Long:        "doctor examines what a registry with the same settings would find: the database, its\nrights, tables and clock, other registries of either kind, ports, limits. It changes\nnothing. It exits with 1 when something keeps a registry from working.",
		Annotations: map[string]string{settingsKey: settings.Help()},
		Example:     "  registry doctor --dsn 'tars:secret@tcp(10.0.0.3:3306)/db_tars'",
	}
	settings.Define(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := settings.Load(cmd.Flags(), p.Getenv)
		if err != nil {
			return err
		}
		stop := watch(p.Signals)
		defer stop.release()
		findings := registrydoctor.Examine(stop.first, s.Options, runningIn(s.Options.DataDir))
		if err := findings.Print(p.Stdout); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		if findings.Worst() == doctor.Problem {
			return errUnfit
		}
		return nil
	}
	return cmd
}

// runningIn gives the addresses of the registry that runs on the data folder, by
// its registry.json; none when there is no such file.
func runningIn(dataDir string) registry.Addresses {
	var found place
	text, err := os.ReadFile(statusFileIn(dataDir).path)
	if err != nil || json.Unmarshal(text, &found) != nil {
		return registry.Addresses{}
	}
	return found.Addresses
}
