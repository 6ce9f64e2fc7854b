package syncdir

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mount lays a folder out as Kubernetes mounts a config map.
func mount(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	version := filepath.Join(root, "..2024_01_01")
	must(t, os.Mkdir(version, 0o755))
	must(t, os.Symlink("..2024_01_01", filepath.Join(root, "..data")))
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(version, name), []byte(text), 0o644))
		must(t, os.Symlink(filepath.Join("..data", name), filepath.Join(root, name)))
	}
	return root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSync(t *testing.T) {
	source := mount(t, map[string]string{"start.sh": "#!/bin/sh\n", "a.conf": "x"})
	must(t, os.Mkdir(filepath.Join(source, "folder"), 0o755))
	target := filepath.Join(t.TempDir(), "bin")
	copied, err := Sync(source, target)
	if err != nil || !slices.Equal(copied, []string{"a.conf", "start.sh"}) {
		t.Fatalf("copied %q, %v", copied, err)
	}
	entries, err := os.ReadDir(target)
	if err != nil || len(entries) != 2 {
		t.Errorf("target holds %v, %v", entries, err)
	}
	script := filepath.Join(target, "start.sh")
	info, err := os.Lstat(script)
	must(t, err)
	if !info.Mode().IsRegular() || info.Mode().Perm() != 0o755 {
		t.Errorf("start.sh is %s", info.Mode())
	}
	if copied, err := Sync(source, target); err != nil || len(copied) > 0 {
		t.Errorf("again without a change: %q, %v", copied, err)
	}
	must(t, os.WriteFile(filepath.Join(source, "..data", "a.conf"), []byte("changed"), 0o644))
	must(t, os.Chtimes(filepath.Join(source, "..data", "start.sh"), time.Time{}, time.Unix(1e9, 0)))
	copied, err = Sync(source, target)
	if err != nil || !slices.Equal(copied, []string{"a.conf", "start.sh"}) {
		t.Errorf("after changes: %q, %v", copied, err)
	}
	if text, err := os.ReadFile(filepath.Join(target, "a.conf")); err != nil || string(text) != "changed" {
		t.Errorf("a.conf = %q, %v", text, err)
	}
}

func TestBrokenLinkDoesNotStopTheRest(t *testing.T) {
	source := mount(t, map[string]string{"z.conf": "x"})
	must(t, os.Symlink("nowhere", filepath.Join(source, "a.conf")))
	copied, err := Sync(source, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "copy a.conf: its link leads nowhere") {
		t.Errorf("error = %v", err)
	}
	if !slices.Equal(copied, []string{"z.conf"}) {
		t.Errorf("copied = %q", copied)
	}
}

func TestFoldersThatCannotBe(t *testing.T) {
	if _, err := Sync(filepath.Join(t.TempDir(), "none"), t.TempDir()); err == nil || !strings.Contains(err.Error(), "TARS_SYNC_DIRECTORY") {
		t.Errorf("no source: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o644))
	if _, err := Sync(t.TempDir(), filepath.Join(file, "x")); err == nil || !strings.Contains(err.Error(), "TARS_SYNC_TARGET_DIRECTORY") {
		t.Errorf("no target: %v", err)
	}
}
