// Package process starts, signals and waits for the supervisor's processes:
// its Owner is the only one in the program that waits, so that no exit status
// is ever lost between the reaping of orphans and the waiting for the server.
package process
