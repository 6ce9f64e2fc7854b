package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/control"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/readiness"
)

// files looks at $TARS_PATH: what the image has to bring, where tarscli
// writes, and what an earlier life has left. It returns whether a supervisor
// runs here.
func (e *examination) files(ctx context.Context, env *pod.Environment) (running bool) {
	e.startCommand(env)
	for _, folder := range []string{env.Paths.Conf(""), env.Paths.Data(""), env.Paths.Log("")} {
		e.folder(folder)
	}
	running = control.Running(ctx, env.Paths.Socket())
	if running {
		e.ok("supervisor", "runs")
	}
	e.leftovers(env.Paths, running)
	return running
}

// server is what the probe says, with the supervisor's reason.
func (e *examination) server(ctx context.Context, env *pod.Environment) {
	if err := readiness.Check(ctx, env.Paths, env.ReportInterval); err != nil {
		e.add(Problem, "server", err.Error(), "wait if it has only just been started; else see what it printed: kubectl logs, with --previous for the container's last life")
		return
	}
	e.ok("server", "ready")
}

func (e *examination) startCommand(env *pod.Environment) {
	file, _, isCommand := strings.Cut(env.StartPath, " ")
	if isCommand || !strings.HasPrefix(file, "/") {
		e.ok("start", "command %q", env.StartPath)
		return
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(Problem, "start", file+" does not exist, so there is no server to start", "copy a start.sh into the image, or set TARS_START_PATH to a command")
	case err != nil:
		e.add(Problem, "start", err.Error(), "make it readable for the user the container runs as")
	case info.Mode().Perm()&0o111 == 0:
		e.add(Warning, "start", file+" is not executable, so /bin/sh runs it, whatever its first line says", "run chmod +x on it in the container file")
	default:
		e.ok("start", "%s", file)
	}
}

// folder is one that tarscli or the server writes to. Only trying would tell
// for sure; the mode tells what is most often wrong.
func (e *examination) folder(folder string) {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(Note, "folder", folder+" does not exist", "nothing: it is made when it is needed; make it in the image if the root file system is read-only")
	case err != nil:
		e.add(Problem, "folder", err.Error(), "make it accessible for the user the container runs as")
	case !info.IsDir():
		e.add(Problem, "folder", folder+" is a file", "remove it")
	case !writable(folder):
		e.add(Problem, "folder", folder+" can't be written to", "give it to the user the container runs as, or mount an emptyDir there")
	}
}

func (e *examination) leftovers(paths pod.Paths, running bool) {
	if exists(paths.Stop()) {
		e.add(Warning, "leftover", paths.Stop()+" exists: the supervisor does not restart the server while it does", "rm "+paths.Stop()+" when you have finished debugging")
	}
	if running {
		return
	}
	for _, file := range []struct{ path, what string }{
		{paths.Prestop(), "says that a stop has begun"},
		{paths.Socket(), "is a dead supervisor's"},
	} {
		if exists(file.path) {
			e.add(Note, "leftover", file.path+" "+file.what+", and no supervisor runs", "nothing: the next supervisor takes it away")
		}
	}
	if state, err := os.ReadFile(paths.CheckStatus()); err == nil {
		e.add(Note, "leftover", fmt.Sprintf("%s says %q, and no supervisor runs", paths.CheckStatus(), strings.TrimSpace(string(state))),
			"nothing: the next supervisor takes it away, and hzcheck does not believe an old one")
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
