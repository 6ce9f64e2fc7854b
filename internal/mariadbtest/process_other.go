//go:build unix && !linux

package mariadbtest

import "syscall"

// dieWithParent can promise less here: a killed test run leaves its servers.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// awaitStopped cannot look; it trusts the signal to be quick.
func awaitStopped(int) {}
