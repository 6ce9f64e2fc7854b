package docs_test

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestArchitectureNamesEveryPackage: who looks for what a folder is for finds it,
// or the folder that it belongs to, and no folder that is gone.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	named := namesIn("`([a-z][a-z0-9/]*)`", read(t, "../ARCHITECTURE.md"))
	packages := packagesOf(t)
	for _, folder := range packages {
		// internal is no package's name: each of its packages is a thing of its own.
		covered := slices.Contains(named, folder)
		for parent := path.Dir(folder); parent != "." && parent != "internal"; parent = path.Dir(parent) {
			covered = covered || slices.Contains(named, parent)
		}
		if !covered {
			t.Errorf("ARCHITECTURE.md does not say what %s is for", folder)
		}
	}
	for _, folder := range named {
		if !strings.Contains(folder, "/") {
			continue
		}
		if _, err := os.Stat("../" + folder); err != nil {
			t.Errorf("ARCHITECTURE.md names a folder that does not exist: %v", err)
		}
	}
}

// packagesOf are the folders of this module that hold Go files.
func packagesOf(t *testing.T) []string {
	t.Helper()
	var folders []string
	err := fs.WalkDir(os.DirFS(".."), ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules" || file == "deploy/test" || file == "tools"):
			return fs.SkipDir
		case strings.HasSuffix(file, ".go"):
			folders = append(folders, path.Dir(file))
		}
		return nil
	})
	if err != nil || len(folders) == 0 {
		t.Fatalf("packages %q, %v", folders, err)
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}
