package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "App.Server.out")
	f, err := Open(path, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if _, err := fmt.Fprintf(f, "line%d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		path: "line8\n", path + ".1": "line7\n", path + ".2": "line6\n", path + ".3": "",
	} {
		if got := content(t, file); got != want {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

func TestRotationWithoutOldFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := Open(path, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, "abc")
	fmt.Fprint(f, "def")
	if got := content(t, path); got != "def" {
		t.Errorf("got %q", got)
	}
	if got := content(t, path+".1"); got != "" {
		t.Errorf("an old file with %q", got)
	}
}

func TestReopenedFileCountsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, []byte("12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, "abc")
	if got := content(t, path+".1"); got != "12345678" {
		t.Errorf("old file holds %q", got)
	}
}

func TestConcurrentWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := Open(path, 1<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				fmt.Fprintln(f, "0123456789")
			}
		})
	}
	group.Wait()
	if got := len(content(t, path)); got != 8*100*11 {
		t.Errorf("%d bytes", got)
	}
}

func TestBadBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if _, err := Open(path, 0, 1); err == nil {
		t.Error("size 0 accepted")
	}
	if _, err := Open(path, 1, -1); err == nil {
		t.Error("-1 old files accepted")
	}
}
