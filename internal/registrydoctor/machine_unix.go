//go:build unix

package registrydoctor

import "golang.org/x/sys/unix"

func writable(folder string) bool { return unix.Access(folder, unix.W_OK) == nil }

// openFiles is the limit of the process.
func openFiles() (limit uint64, known bool) {
	var found unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &found); err != nil {
		return 0, false
	}
	return max(found.Cur, found.Max), true // the Go runtime raises the one to the other
}
