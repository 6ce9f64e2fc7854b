package mariadbtest

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// orphanHelper, set in the environment, turns TestOrphanHelper into the process
// that TestServerEndsWithAKilledTestProcess kills.
const orphanHelper = "MARIADBTEST_ORPHAN_HELPER"

func TestOrphanHelper(t *testing.T) {
	if os.Getenv(orphanHelper) == "" {
		return
	}
	os.Stdout.WriteString("address " + Start(t).Addr() + "\n")
	<-t.Context().Done() // until killed
}

func TestServerEndsWithAKilledTestProcess(t *testing.T) {
	temporary := t.TempDir()
	helper := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOrphanHelper$")
	helper.Env = append(os.Environ(), orphanHelper+"=1", "TMPDIR="+temporary)
	output, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	lines := bufio.NewScanner(output)
	for address == "" && lines.Scan() {
		address, _ = strings.CutPrefix(lines.Text(), "address ")
	}
	if address == "" {
		t.Fatalf("the helper started no server: %v", helper.Wait())
	}

	if err := helper.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait() // killed, so an error
	awaitRefusal(t, address)

	// The next run clears away what was left.
	left := servers(t, temporary)
	if len(left) != 1 {
		t.Fatalf("left behind: %v, want one folder", left)
	}
	t.Setenv("TMPDIR", temporary)
	space, err := openWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	_, release, err := space.newFolder()
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if left := servers(t, temporary); len(left) != 0 {
		t.Errorf("still there after the next run: %v", left)
	}
}

func awaitRefusal(t *testing.T, address string) {
	t.Helper()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
		select {
		case <-retry.C:
		case <-t.Context().Done():
			t.Fatal("the server outlives the test process")
		}
	}
}

func servers(t *testing.T, temporary string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(temporary, "tarsregistry-mariadb-*", "server-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
