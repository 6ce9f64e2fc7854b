package mariadbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A workspace is the folder of all test servers of one user: the template data
// folder, one folder a server, one lock file a reserved port.
//
// Owners hold an advisory lock on a file. The kernel drops it with the owner's
// process, so what a killed test run left behind can be told from what is in
// use, and is removed by the next run.
type workspace struct{ dir string }

func openWorkspace() (workspace, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("tarsregistry-mariadb-%d", os.Geteuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return workspace{}, fmt.Errorf("create the folder of test servers: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return workspace{}, fmt.Errorf("look at the folder of test servers: %w", err)
	}
	// The name is predictable and the temporary folder everybody's.
	if !info.IsDir() || !ownedByUser(info) {
		return workspace{}, fmt.Errorf("%s is not a folder of this user", dir)
	}
	return workspace{dir: dir}, nil
}

const ownerLock = "owner.lock"

// newFolder makes an empty folder that is kept for as long as this process
// lives or until release is called, which removes it.
func (w workspace) newFolder() (dir string, release func() error, err error) {
	unlock, err := lock(filepath.Join(w.dir, "workspace.lock"), true)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	w.sweep()

	dir, err = os.MkdirTemp(w.dir, "server-")
	if err != nil {
		return "", nil, fmt.Errorf("create a server's folder: %w", err)
	}
	disown, err := lock(filepath.Join(dir, ownerLock), false)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, func() error {
		defer disown()
		return os.RemoveAll(dir)
	}, nil
}

// sweep removes the folders whose owner is gone. It is called with the
// workspace locked, so a folder without an owner is not one being made. What
// cannot be removed now is left to the next sweep.
func (w workspace) sweep() {
	folders, err := filepath.Glob(filepath.Join(w.dir, "server-*"))
	if err != nil {
		return
	}
	for _, dir := range folders {
		disown, err := lock(filepath.Join(dir, ownerLock), false)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(dir)
		disown()
	}
}

// reservePort finds a free TCP port that no other test server will take while
// this process lives, so that a server can be killed and come back on its
// port. It lies below the ports the kernel gives to outgoing connections.
func (w workspace) reservePort(ctx context.Context) (port int, release func(), err error) {
	const first, last = 20000, 31999
	for port := first + randomBelow(last-first+1); port <= last; port++ {
		release, err := lock(filepath.Join(w.dir, "port-"+strconv.Itoa(port)), false)
		if err != nil {
			continue
		}
		if portIsFree(ctx, port) {
			return port, release, nil
		}
		release()
	}
	return 0, nil, fmt.Errorf("no free port up to %d on 127.0.0.1", last)
}

// lock takes the advisory lock of a file. Without wait it fails at once when
// somebody else holds it.
func lock(path string, wait bool) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := lockFile(file, wait); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// tail returns the last lines of a log, for an error message.
func tail(path string, lines int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
