package version

import (
	"runtime"
	"testing"
)

func TestVersionOfATest(t *testing.T) {
	if got := Version(); got != "devel" {
		t.Errorf("a program without a recorded version is of version %q", got)
	}
}

func TestLine(t *testing.T) {
	want := "registry v1.0.0 (" + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	if got := Line("registry", "v1.0.0"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
