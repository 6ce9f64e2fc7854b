// Package atomicfile writes files that other processes read at any moment:
// they see the old content or the new, never a part.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces the file's content. The folder is made where it is missing.
// The content is on disk when Write returns nil; on an error the file is what
// it was.
func Write(file string, content []byte, perm fs.FileMode) error {
	if err := write(file, content, perm); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func write(file string, content []byte, perm fs.FileMode) (err error) {
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	// The name begins with a dot and ends in .tmp, so that nothing that globs
	// the folder takes it for the real thing.
	temporary, err := os.CreateTemp(folder, "."+filepath.Base(file)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	if err := fill(temporary, content, perm); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

func fill(f *os.File, content []byte, perm fs.FileMode) error {
	_, err := f.Write(content)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
