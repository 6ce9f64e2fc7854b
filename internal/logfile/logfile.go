// Package logfile writes a log file that never outgrows its bound: when it is
// full it becomes name.1, what was name.1 becomes name.2, and so on.
package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// File is an io.WriteCloser, safe for concurrent use. A write is never split
// over two files.
type File struct {
	path string
	most int64
	keep int

	mu   sync.Mutex
	file *os.File
	size int64
}

// Open opens the file for appending, its folder made where it is missing. It is
// renamed before a write that would make it larger than most bytes; keep older
// files stay, 0 or more.
func Open(path string, most int64, keep int) (*File, error) {
	if most <= 0 || keep < 0 {
		return nil, fmt.Errorf("open log file %s: size %d must be positive and the number of old files %d not negative", path, most, keep)
	}
	f := &File{path: path, most: most, keep: keep}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("open log file: %w", err)
	}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("open log file: %w", err)
	}
	return f, nil
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Write appends p as a whole.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return 0, fs.ErrClosed
	}
	if f.size > 0 && f.size+int64(len(p)) > f.most {
		if err := f.rotate(); err != nil {
			return 0, fmt.Errorf("rotate log file: %w", err)
		}
	}
	n, err := f.file.Write(p)
	f.size += int64(n)
	return n, err
}

// rotate leaves f closed when it fails.
func (f *File) rotate() error {
	err := f.file.Close()
	f.file = nil
	if err != nil {
		return err
	}
	if err := f.shift(); err != nil {
		return err
	}
	return f.open()
}

func (f *File) shift() error {
	if f.keep == 0 {
		return os.Remove(f.path)
	}
	for n := f.keep; n > 1; n-- {
		err := os.Rename(f.older(n-1), f.older(n))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(f.path, f.older(1))
}

func (f *File) older(n int) string { return fmt.Sprintf("%s.%d", f.path, n) }

// Close closes the file; further writes fail. It is idempotent.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
