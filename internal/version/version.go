package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is what the go command has recorded in the binary: the tag, or a version
// made of the commit and its time; devel where it has recorded none.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// Line is what the command version of a program prints, for example
// "registry v1.0.0 (go1.26.5, linux/amd64)".
func Line(program, version string) string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", program, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
