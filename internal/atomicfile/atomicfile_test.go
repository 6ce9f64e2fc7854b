package atomicfile

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestWrite(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "made", "for", "it")
	file := filepath.Join(folder, "x.conf")
	for _, content := range []string{"one", "", "three"} {
		if err := Write(file, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != content {
			t.Errorf("content = %q, %v; want %q", got, err, content)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v; want the file alone", left, err)
	}
}

func TestWriteFailureLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "x")
	if err := os.Mkdir(file, 0o755); err != nil { // a file can't replace a folder
		t.Fatal(err)
	}
	if err := Write(file, []byte("one"), 0o644); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v; want what was there", left, err)
	}
}

func TestReadersSeeWholeFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	full := func(c byte) []byte { return bytes.Repeat([]byte{c}, 1<<16) }
	if err := Write(file, full('a'), 0o644); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for _, c := range []byte("bcd") {
		writers.Go(func() {
			for range 20 {
				if err := Write(file, full(c), 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for {
		got, err := os.ReadFile(file)
		if err != nil || len(got) != 1<<16 || !bytes.Equal(got, full(got[0])) {
			t.Fatalf("saw %d bytes, %v", len(got), err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
