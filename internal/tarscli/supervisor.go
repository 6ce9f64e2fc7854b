package tarscli

import (
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/supervisor"
)

func (c *cli) supervisorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "supervisor",
		Short: "Run the server and see to its whole life (the container's entrypoint)",
		Long: `supervisor makes the configuration, registers the pod, starts the server, checks
and restarts it, and reports its state. SIGTERM, or tarscli prestop, makes it
leave: it tells the registry, waits until the clients have gone, removes the
registration and stops the server; a second SIGTERM stops it at once. Other
signals are passed on to the server.

It ends with the server's exit code, or 128+n when signal n ended the server, and
writes what happens to its standard error.`,
		Example: `  CMD tarscli supervisor                          # in the container file
  TARS_START_PATH="bin/hello -v" tarscli supervisor`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return c.supervisor() },
	}
}

func (c *cli) supervisor() error {
	env, err := c.environment()
	if err != nil {
		return err
	}
	// Before anything else: a signal must not end the first process of a
	// container halfway through its preparations.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, handledSignals()...)
	defer signal.Stop(signals)
	logger := c.logger()
	options, warnings, err := supervisor.FromPod(env, c.Stdout, c.Stderr, logger)
	for _, w := range warnings {
		logger.Warn(w) //nolint:sloglint // whole sentences, each of them written for the log
	}
	if err != nil {
		return err
	}
	code, err := supervisor.Run(options, signals)
	if err == nil && code == exitOK {
		return nil
	}
	return &exit{code, err}
}
