//go:build unix

package doctor

import "golang.org/x/sys/unix"

func writable(folder string) bool { return unix.Access(folder, unix.W_OK) == nil }
