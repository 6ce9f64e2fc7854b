package mariadbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// account is the one user of a test server. Its password is drawn when the
// template is made and readable by the owner only: the account may do
// everything, and the server may run as root.
const account = "tars"

// logFileSize is the size of InnoDB's redo log: small enough to be copied with
// the template, large enough that load tests do not wait for checkpoints.
const logFileSize = "--innodb-log-file-size=32M"

const passwordFile = "tarsregistry-test-password"

// template returns a data folder with nothing but system tables and the test
// account. It is made once a server version and kept: copying takes a tenth of
// the second that making takes.
func (w workspace) template(ctx context.Context, server string) (dir string, err error) {
	version, err := exec.CommandContext(ctx, server, "--no-defaults", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", server, err)
	}
	key := sha256.Sum256(append(version, (server + logFileSize)...))
	dir = filepath.Join(w.dir, "template-"+hex.EncodeToString(key[:6]))

	unlock, err := lock(dir+".lock", true)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unfinished := dir + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", fmt.Errorf("remove an unfinished template: %w", err)
	}
	if err := install(ctx, unfinished); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return "", fmt.Errorf("put the template in place: %w", err)
	}
	return dir, nil
}

// install makes a data folder with the server's own installer.
func install(ctx context.Context, dir string) error {
	installer, err := binary("mariadb-install-db", "mysql_install_db")
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	password := rand.Text()
	if err := os.WriteFile(filepath.Join(dir, passwordFile), []byte(password), 0o600); err != nil {
		return fmt.Errorf("write the template's password: %w", err)
	}
	accounts := dir + ".sql"
	// The bootstrap parser takes one statement a line. FLUSH turns on the grant
	// tables, which it starts without. Accounts without a password go: the port
	// is open to everybody on this machine.
	statements := []string{
		"FLUSH PRIVILEGES;",
		"DELETE FROM mysql.global_priv WHERE User IN ('', 'root');",
		"CREATE USER '" + account + "'@'%' IDENTIFIED BY '" + password + "';",
		"GRANT ALL ON *.* TO '" + account + "'@'%' WITH GRANT OPTION;",
		"",
	}
	if err := os.WriteFile(accounts, []byte(strings.Join(statements, "\n")), 0o600); err != nil {
		return fmt.Errorf("write the template's accounts: %w", err)
	}
	defer func() { _ = os.Remove(accounts) }()

	arguments := append([]string{
		"--no-defaults", "--datadir=" + dir, "--skip-test-db",
		"--auth-root-authentication-method=normal", "--extra-file=" + accounts, logFileSize,
	}, asRoot()...)
	// A server that starts empties its folder of temporary files, whoever's they are.
	temporary, err := os.MkdirTemp(filepath.Dir(dir), "tmp-")
	if err != nil {
		return fmt.Errorf("create a folder of temporary files: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	command := exec.CommandContext(ctx, installer, arguments...)
	command.Env = append(os.Environ(), "TMPDIR="+temporary)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", installer, err, output)
	}
	return nil
}
