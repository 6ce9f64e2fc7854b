//go:build !unix

package registrydoctor

// writable can't be told without writing here.
func writable(string) bool { return true }

func openFiles() (limit uint64, known bool) { return 0, false }
