package registrydoctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/tarsregistry/tarsregistry/internal/doctor"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/store"
)

// Examine looks at what the options name. It takes as long as the database
// takes to answer, ctx at most. running are the addresses of the registry that
// runs on the same data folder, "" where there is none.
func Examine(ctx context.Context, options registry.Options, running registry.Addresses) doctor.Findings {
	e := &examination{options: options, running: running}
	e.folder()
	e.database(ctx)
	e.ports(ctx)
	e.files()
	e.access()
	return e.found
}

type examination struct {
	options registry.Options
	running registry.Addresses
	found   doctor.Findings
}

func (e *examination) add(level doctor.Level, subject, change, format string, args ...any) {
	e.found = append(e.found, doctor.Finding{Level: level, Subject: subject, Text: fmt.Sprintf(format, args...), Change: change})
}

// folder looks at the data folder: the picture on disk, and maybe the database.
func (e *examination) folder() {
	const subject = "data folder"
	dir := e.options.DataDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(doctor.Note, subject, "", "%s is not there; the registry makes it", dir)
		return
	case err != nil:
		e.add(doctor.Problem, subject, "let the registry's user read it", "%v", err)
		return
	case !info.IsDir():
		e.add(doctor.Problem, subject, "give another --data-dir", "%s is no folder", dir)
		return
	case !writable(dir):
		e.add(doctor.Problem, subject, "give it to the registry's user", "%s cannot be written by this user", dir)
		return
	}
	e.add(doctor.OK, subject, "", "%s can be written", dir)
	picture, err := os.Stat(filepath.Join(dir, registry.PictureFile))
	if err == nil {
		e.add(doctor.OK, "picture on disk", "", "of %s: what is served if the database is away at a start", picture.ModTime().UTC().Format("2006-01-02 15:04:05 UTC"))
		return
	}
	e.add(doctor.Note, "picture on disk", "", "none: a start while the database is away would wait for it")
}

// database opens the store as the registry would and looks at what is there.
func (e *examination) database(ctx context.Context) {
	const subject = "database"
	config := store.Config{DSN: e.options.DSN, Replica: "doctor", Logger: slog.New(slog.DiscardHandler)}
	if config.DSN == "" {
		config.Path = filepath.Join(e.options.DataDir, registry.DatabaseFile)
		if _, err := os.Stat(config.Path); errors.Is(err, fs.ErrNotExist) {
			e.add(doctor.Note, subject, "", "embedded; %s is not there yet, the registry makes it", config.Path)
			return
		}
	}
	opened, err := store.Open(config)
	if errors.Is(err, store.ErrLocked) {
		e.add(doctor.Note, subject, "", "embedded; a registry runs on %s, ask that one: /api/v1/status", config.Path)
		return
	}
	if err != nil {
		e.add(doctor.Problem, subject, "mend what it names", "%v", err)
		return
	}
	defer func() { _ = opened.Close() }() // it was only read
	found, err := opened.Inspect(ctx)
	if err != nil {
		e.add(doctor.Problem, subject, remedy(err), "%s: %v", opened.Target(), err)
		return
	}
	e.add(doctor.OK, subject, "", "%s answers: %s", opened.Target(), found.Version)
	e.tables(ctx, opened, found)
	e.rights(found)
	e.clock(ctx, opened)
	e.registries(ctx, opened, found)
}

// remedy says what to do about a database that cannot be used.
func remedy(err error) string {
	switch {
	case errors.Is(err, store.ErrDenied):
		return "check user, password and rights; docs/deploying.md lists the rights"
	case errors.Is(err, store.ErrSchema):
		return "check the database's name in the DSN; is it there?"
	case errors.Is(err, store.ErrUnavailable):
		return "check host, port and network; is the database up?"
	default:
		return "mend what it names"
	}
}
