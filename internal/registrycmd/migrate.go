package registrycmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/settings"
	"github.com/tarsregistry/tarsregistry/migrations"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/store"
)

func (p *program) migrateCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "migrate",
		Short: "Create the tables or bring them up to date",
		Long:  "migrate creates the tables or brings them up to date. registry serve does it by itself,\nunless told --no-migrate. Tables of Tars that are there already are left as they are.",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{"migrate wants up or status; see registry migrate --help"}
		},
	}
	group.AddCommand(
		p.migrateStep("up", "Bring the tables up to date; running it again is harmless", (*store.Store).Migrate),
		p.migrateStep("status", "Say how far the tables have come, and change nothing", nil),
	)
	return group
}

// migrateStep is a command that does something to the database, if step is
// given, and says what is there afterwards.
func (p *program) migrateStep(name, short string, step func(*store.Store, context.Context) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: noArguments,
		Annotations: map[string]string{settingsKey: settings.HelpDatabase()},
		Example:     "  registry migrate " + name + " --dsn 'tars:secret@tcp(10.0.0.3:3306)/db_tars'",
	}
	settings.DefineDatabase(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		database, err := settings.LoadDatabase(cmd.Flags(), p.Getenv)
		if err != nil {
			return err
		}
		stop := watch(p.Signals)
		defer stop.release()
		opened, err := openStore(database, p)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, opened.Close()) }()
		if step != nil {
			if err := step(opened, stop.first); err != nil {
				return fmt.Errorf("migrate %s: %w", opened.Target(), err)
			}
		}
		status, err := opened.Status(stop.first)
		if err != nil {
			return fmt.Errorf("look at the tables of %s: %w", opened.Target(), err)
		}
		printStatus(p.Stdout, opened.Target(), status)
		return nil
	}
	return cmd
}

func openStore(database settings.Database, p *program) (*store.Store, error) {
	config := store.Config{DSN: database.DSN, Logger: newLogger(p.Stderr, false, slog.LevelInfo)}
	if config.DSN == "" {
		config.Path = filepath.Join(database.DataDir, registry.DatabaseFile)
	}
	return store.Open(config)
}

func printStatus(out io.Writer, target string, s migrations.Status) {
	state := "up to date"
	switch {
	case s.Dirty:
		state = "a step was cut off; registry migrate up runs it again"
	case s.Version < s.Latest:
		state = "registry migrate up brings them up to date"
	case s.Version > s.Latest:
		state = "made by a newer registry"
	}
	fmt.Fprintf(out, "database  %s\ntables    version %d of %d: %s\n", target, s.Version, s.Latest, state)
	for _, column := range slices.Sorted(maps.Keys(s.Optional)) {
		there := "not there"
		if s.Optional[column] {
			there = "there"
		}
		fmt.Fprintf(out, "optional  %s: %s\n", column, there)
	}
}
