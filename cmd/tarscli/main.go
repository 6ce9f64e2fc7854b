// Command tarscli is the whole life of a Tars server in a pod: entrypoint,
// readiness probe, stop hook and operator's tool.
package main

import (
	"os"

	"github.com/tarsregistry/tarsregistry/internal/tarscli"
)

func main() {
	os.Exit(tarscli.Run(tarscli.Process{
		Args:   os.Args[1:],
		Lookup: os.LookupEnv,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}))
}
