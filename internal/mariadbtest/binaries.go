package mariadbtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// installHint tells what to do about a missing program. Tests are never
// skipped for it: a suite without a database would only look green.
const installHint = "run `make deps` as root (it installs Debian's mariadb-server), " +
	"or set TARSREGISTRY_TEST_DSN to an account of a server that may create databases"

// binary finds a program by the first of its names that exists. Debian keeps
// servers in /usr/sbin, which is on nobody's PATH but root's.
func binary(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		for _, folder := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec"} {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("program %s not found: %s", names[0], installHint)
}

// asRoot is the option without which mariadbd refuses to run as root.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}
