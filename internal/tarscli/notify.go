package tarscli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/notify"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

type notifyFlags struct {
	endpoint string
	timeout  time.Duration
}

func (c *cli) notifyCommand() *cobra.Command {
	var flags notifyFlags
	cmd := &cobra.Command{
		Use:   "notify [flags] command [argument...]",
		Short: "Send a management command to a server and print its answer",
		Long: `notify sends a management command to a server's AdminObj and prints the answer.
The server is the pod's own, unless --endpoint or TARS_ADMIN_ENDPOINT names
another; TARS_TOKEN is the secret that one may want.

Every server knows tars.viewversion and tars.setloglevel; most know
tars.loadconfig, and TarsGo's tars.pprof and tars.dumpstack. Others are the
server's own, such as the registry's clean.

Exit code 0 means that the server did it; 1 that it refused, does not know the
command, or can't be reached.`,
		Example: `  tarscli notify tars.viewversion
  tarscli notify tars.setloglevel DEBUG
  tarscli notify clean                       # the registry: what would be removed
  tarscli notify clean n                     # the registry: remove it
  tarscli notify --endpoint "tcp -h tars-registry -p 17894" clean n
  tarscli notify -- command --with=dashes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("notify wants a command to send; see %s --help", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.notify(cmd, flags, args) },
		ValidArgs: []string{
			"tars.viewversion", "tars.setloglevel", "tars.loadconfig", "tars.connection", "tars.help",
			"tars.pprof", "tars.dumpstack", "clean",
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the command belongs to it
	cmd.Flags().StringVar(&flags.endpoint, "endpoint", "", `whom to tell, as "tcp -h host -p port" or host:port (TARS_ADMIN_ENDPOINT)`)
	cmd.Flags().DurationVar(&flags.timeout, "timeout", 10*time.Second, "how long to wait for the answer")
	return cmd
}

func (c *cli) notify(cmd *cobra.Command, flags notifyFlags, args []string) error {
	if flags.timeout <= 0 {
		return usage("--timeout is %s; it must be longer than 0", flags.timeout)
	}
	env, err := c.environment()
	if err != nil {
		return err
	}
	endpoint, err := notify.Endpoint(env, flags.endpoint)
	if err != nil {
		return &exit{exitUsage, err}
	}
	target := notify.Target{Endpoint: endpoint, Token: env.Token, Dialer: tarsclient.Dialer{Timeout: flags.timeout}}
	answer, err := notify.Send(cmd.Context(), target, strings.Join(args, " "))
	var refused *notify.RefusedError
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	_, printErr := fmt.Fprintln(c.Stdout, strings.TrimRight(answer, "\r\n"))
	return errors.Join(err, printErr)
}
