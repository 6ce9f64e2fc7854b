// Command registry is the naming service of a Tars installation.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/tarsregistry/tarsregistry/internal/registrycmd"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(registrycmd.Run(registrycmd.Process{
		Args:    os.Args[1:],
		Getenv:  os.Getenv,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Signals: signals,
	}))
}
