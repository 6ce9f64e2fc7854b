package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingRunsAsRoot: the last stage of each container file ends as a user with a
// number that is not 0, and the pods of the registry are held to it.
func TestNothingRunsAsRoot(t *testing.T) {
	files, err := filepath.Glob("../deploy/container/*.Dockerfile")
	if err != nil || len(files) < 2 {
		t.Fatalf("container files: %q, %v", files, err)
	}
	for _, path := range files {
		if user := userOf(t, path); user == "" || strings.Trim(user, "0123456789:") != "" || strings.HasPrefix(user, "0") {
			t.Errorf("%s: its image runs as %q", path, user)
		}
	}
	manifests, err := filepath.Glob("../deploy/manifests/registry*.yaml")
	if err != nil || len(manifests) < 3 {
		t.Fatalf("manifests: %q, %v", manifests, err)
	}
	for _, path := range manifests {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pods := strings.Count(string(text), "\n      containers:\n") + strings.Count(string(text), "\n          containers:\n")
		if guarded := strings.Count(string(text), "runAsNonRoot: true\n"); pods == 0 || guarded != pods {
			t.Errorf("%s: %d of %d pods must not be root", path, guarded, pods)
		}
		if strings.Contains(string(text), "runAsUser: 0\n") || strings.Contains(string(text), "privileged: true") {
			t.Errorf("%s: a pod is root", path)
		}
	}
}

// userOf is the user that an image runs as.
func userOf(t *testing.T, path string) (user string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		switch word, rest, _ := strings.Cut(lines.Text(), " "); word {
		case "FROM":
			user = "" // a stage begins as its base ends, which is root
		case "USER":
			user = rest
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return user
}
