package mariadbtest

import "syscall"

// dieWithParent also puts the child in a process group of its own, so that a
// Ctrl-C at the terminal reaches the tests first.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
