//go:build !unix

package tarscli

import "os"

func handledSignals() []os.Signal { return []os.Signal{os.Interrupt} }
