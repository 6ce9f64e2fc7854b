package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A node is what a server has as a member of a cluster.
type node struct {
	provider string
	group    string // where members talk, "127.0.0.1:port"
	writes   string // where it is sent the writes that it missed
	snapshot string // where it is sent all data
	method   string // how
	founds   bool   // its next start makes a new cluster
	joined   bool   // it has been a member before

	environment []string // that its program has besides this process's own
}

func newNode(ctx context.Context, server *Server, provider string) (*node, error) {
	space, err := openWorkspace()
	if err != nil {
		return nil, err
	}
	n := &node{provider: provider, method: "rsync"}
	if err := n.receiveAsRoot(filepath.Dir(server.log)); err != nil {
		return nil, err
	}
	for _, address := range []*string{&n.group, &n.writes, &n.snapshot} {
		port, free, err := space.reservePort(ctx)
		if err != nil {
			return nil, err
		}
		server.release = append(server.release, func() error { free(); return nil })
		*address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return n, nil
}

const methodAsRoot = "rsync_as_root"

// receiveAsRoot makes snapshots work for a server that runs as root: the rsync
// daemon that receives them would become nobody and could not write. A method
// of snapshots of our own is the same with a daemon that is told not to.
func (n *node) receiveAsRoot(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	rsync, err := exec.LookPath("rsync")
	if err != nil {
		return fmt.Errorf("%w: `make test-cluster` as root installs it", err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return fmt.Errorf("create a folder of programs: %w", err)
	}
	for name, script := range map[string]string{
		"rsync": `case $1 in --daemon) set -- "$@" --dparam=uid=root --dparam=gid=root ;; esac
exec ` + rsync + ` "$@"`,
		"wsrep_sst_" + methodAsRoot: "export PATH=" + bin + `:$PATH
exec "$(command -v wsrep_sst_rsync)" "$@"`,
	} {
		//nolint:gosec // a program, in a folder that nobody else may enter
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			return fmt.Errorf("write a program: %w", err)
		}
	}
	n.method = methodAsRoot
	n.environment = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	return nil
}

// settings are the node's options for all its starts. Members are given up
// after two seconds of silence instead of five; with less, a busy machine takes
// the whole cluster apart.
func (n *node) settings(number int, members []string) []string {
	return []string{
		"--wsrep-on=ON",
		"--wsrep-provider=" + n.provider,
		"--wsrep-cluster-name=tarsregistry-test",
		"--wsrep-cluster-address=gcomm://" + strings.Join(members, ","),
		"--wsrep-node-name=node" + strconv.Itoa(number),
		"--wsrep-node-address=127.0.0.1",
		"--wsrep-sst-method=" + n.method,
		"--wsrep-sst-receive-address=" + n.snapshot,
		"--wsrep-provider-options=" + strings.Join([]string{
			"gmcast.listen_addr=tcp://" + n.group,
			"ist.recv_addr=" + n.writes,
			"gcache.size=32M",
			"evs.keepalive_period=PT0.5S",
			"evs.inactive_check_period=PT0.25S",
			"evs.suspect_timeout=PT2S",
			"evs.inactive_timeout=PT6S",
		}, ";"),
		"--binlog-format=ROW",
		"--innodb-autoinc-lock-mode=2",
	}
}

// joining returns the options for the next start alone. A node that was killed
// does not know how far it had come; reading that from its data first lets the
// others send what it missed instead of everything, which would block one of
// them.
func (n *node) joining(ctx context.Context, server *Server) ([]string, error) {
	if n.founds {
		n.founds, n.joined = false, true
		return []string{"--wsrep-new-cluster"}, nil
	}
	if !n.joined {
		n.joined = true
		return nil, nil
	}
	arguments := slices.Concat(server.arguments, []string{"--wsrep-recover"})
	output, err := exec.CommandContext(ctx, server.program, arguments...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("recover the node's position: %w\n%s", err, output)
	}
	recovered := regexp.MustCompile(`Recovered position:? *([0-9a-f-]+:-?[0-9]+)`)
	position := recovered.FindSubmatch(output)
	if position == nil {
		return nil, fmt.Errorf("no position among what the server says:\n%s", output)
	}
	return []string{"--wsrep-start-position=" + string(position[1])}, nil
}

// synced fails while the node is not a full member that takes writes.
func (n *node) synced(ctx context.Context, db *sql.DB) error {
	state, err := status(ctx, db, "wsrep_local_state_comment")
	if err != nil {
		return err
	}
	ready, err := status(ctx, db, "wsrep_ready")
	if err != nil {
		return err
	}
	if state != "Synced" || ready != "ON" {
		return fmt.Errorf("the node is %s, ready %s", state, ready)
	}
	return nil
}

// status reads a status variable. SHOW is what a node answers that is not ready.
func status(ctx context.Context, db *sql.DB, name string) (value string, err error) {
	err = db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &value)
	if err != nil {
		return "", fmt.Errorf("read status %s: %w", name, err)
	}
	return value, nil
}

// ping connects to a database once.
func ping(ctx context.Context, dsn string) (err error) {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return fmt.Errorf("open a database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}
