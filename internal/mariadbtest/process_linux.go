package mariadbtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// dieWithParent also puts the child in a process group of its own, so that a
// Ctrl-C at the terminal reaches the tests first.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitStopped returns when all threads of a process that was sent SIGSTOP have
// stopped, or after a while: the signal takes its time on a busy machine, and a
// query that is under way ends before.
func awaitStopped(pid int) {
	const patience = 5 * time.Second
	for end := time.Now().Add(patience); time.Now().Before(end) && !allStopped(pid); {
		time.Sleep(time.Millisecond)
	}
}

func allStopped(pid int) bool {
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	if err != nil {
		return true // the pattern is constant
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		// The state follows the name, which stands in parentheses.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) > 0 && fields[0][0] != 'T' {
			return false
		}
	}
	return true
}
