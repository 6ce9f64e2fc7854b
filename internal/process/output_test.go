//go:build linux

package process

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestPumpPassesWholeLines(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var got lockedBuffer
	done := make(chan struct{})
	go func() {
		pump{from: from, to: &got}.run()
		close(done)
	}()
	send := func(s string) {
		if _, err := to.WriteString(s); err != nil {
			t.Error(err)
		}
	}
	seen := func(want string) func() bool { return func() bool { return got.String() == want } }

	send("one\nprompt> ")
	waitFor(t, "a late line's beginning", seen("one\nprompt> "))
	send("two\nend")
	to.Close()
	<-done
	if !seen("one\nprompt> two\nend")() {
		t.Errorf("got %q", got.String())
	}
	if !slices.Contains(got.writes, "one\n") {
		t.Errorf("the first line did not come by itself: %q", got.writes)
	}
}

func TestPumpSplitsEndlessLines(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var got lockedBuffer
	done := make(chan struct{})
	go func() {
		pump{from: from, to: &got}.run()
		close(done)
	}()
	want := strings.Repeat("x", 3*longestLine+17)
	if _, err := to.WriteString(want); err != nil {
		t.Fatal(err)
	}
	to.Close()
	<-done
	if got.String() != want {
		t.Errorf("%d bytes of %d arrived", len(got.String()), len(want))
	}
}
