// Package syncdir copies files out of mounted config maps and secrets, whose
// entries are symbolic links, to where a server looks for them.
package syncdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
)

// Sync copies the regular files of source, links followed, to target, which is
// made where it is missing, and returns the names of those that were copied. A
// file whose size and time are the same is left alone. Folders are passed over,
// as is what begins with "..": Kubernetes' own bookkeeping in such mounts. All
// copies are executable, because scripts are what is mounted most. What can't
// be copied does not keep the rest from it; the error joins all.
func Sync(source, target string) ([]string, error) {
	entries, err := os.ReadDir(source)
	if err != nil {
		return nil, fmt.Errorf("read TARS_SYNC_DIRECTORY: %w", err)
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return nil, fmt.Errorf("make TARS_SYNC_TARGET_DIRECTORY: %w", err)
	}
	var copied []string
	var errs []error
	for _, entry := range entries {
		name := entry.Name()
		if len(name) >= 2 && name[:2] == ".." {
			continue
		}
		changed, err := syncFile(filepath.Join(source, name), filepath.Join(target, name))
		if err != nil {
			errs = append(errs, fmt.Errorf("copy %s: %w", name, err))
		}
		if changed {
			copied = append(copied, name)
		}
	}
	return copied, errors.Join(errs...)
}

func syncFile(from, to string) (bool, error) {
	wanted, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("its link leads nowhere: %w", err)
	}
	if err != nil {
		return false, err
	}
	if !wanted.Mode().IsRegular() {
		return false, nil
	}
	if there, err := os.Stat(to); err == nil && there.Size() == wanted.Size() && there.ModTime().Equal(wanted.ModTime()) {
		return false, nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return false, err
	}
	if err := atomicfile.Write(to, content, 0o755); err != nil {
		return false, err
	}
	return true, os.Chtimes(to, wanted.ModTime(), wanted.ModTime())
}
