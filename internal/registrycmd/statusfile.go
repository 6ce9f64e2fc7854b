package registrycmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
)

// statusFile is registry.json, from which others learn where a running registry
// is. It is there from the moment it serves until it begins to stop.
type statusFile struct{ path string }

func statusFileIn(dataDir string) statusFile {
	return statusFile{filepath.Join(dataDir, "registry.json")}
}

func (f statusFile) write(at place) error {
	text, err := json.Marshal(at)
	if err != nil {
		return fmt.Errorf("encode %s: %w", f.path, err)
	}
	return atomicfile.Write(f.path, append(text, '\n'), 0o644)
}

// removeStale removes what a process left that was killed: its addresses are no
// longer anybody's, or somebody else's.
func (f statusFile) removeStale() error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the file of the last run: %w", err)
	}
	return nil
}

// remove removes the file if it is still this process's: one that was started
// later on the same data folder (and a MySQL database) has replaced it.
func (f statusFile) remove() error {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	var owner struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(text, &owner); err != nil {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	if owner.PID != os.Getpid() {
		return nil
	}
	return os.Remove(f.path)
}
