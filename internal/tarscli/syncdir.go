package tarscli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/syncdir"
)

func (c *cli) syncdirCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "syncdir",
		Short: "Copy files out of a mounted config map",
		Long: `syncdir copies the files of TARS_SYNC_DIRECTORY, where a config map or secret is
mounted, to TARS_SYNC_TARGET_DIRECTORY ($TARS_PATH/bin), following the links such
mounts are made of. Files that have not changed are left alone; copies can be
executed. Without TARS_SYNC_DIRECTORY there is nothing to do.`,
		Example: `  TARS_SYNC_DIRECTORY=/etc/scripts tarscli syncdir`,
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return c.syncdir() },
	}
}

func (c *cli) syncdir() error {
	env, err := c.environment()
	if err != nil || env.SyncDirectory == "" {
		return err
	}
	copied, err := syncdir.Sync(env.SyncDirectory, env.SyncTargetDirectory)
	var printErr error
	for _, name := range copied {
		_, printErr = fmt.Fprintln(c.Stdout, name)
	}
	return errors.Join(err, printErr)
}
