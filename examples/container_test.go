package examples_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tarsregistry/tarsregistry/internal/genconf"
	"github.com/tarsregistry/tarsregistry/internal/pod"
)

// containers are the folders that hold what a container directory holds.
func containers(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if filepath.Base(path) == "_server_meta.yaml" {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil || len(found) < 5 {
		t.Fatalf("containers: %q, %v", found, err)
	}
	return found
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMetadataMakesAConfiguration(t *testing.T) {
	for _, folder := range containers(t) {
		root := t.TempDir()
		if err := os.CopyFS(pod.Paths{Root: root}.Bin(""), os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		env, err := pod.ReadEnvironment(func(name string) (string, bool) {
			value, ok := map[string]string{"TARS_PATH": root, "POD_IP": "127.0.0.1"}[name]
			return value, ok
		})
		if err != nil {
			t.Fatal(err)
		}
		result, err := genconf.Generate(env)
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		if len(result.Warnings) > 0 {
			t.Errorf("%s: %q", folder, result.Warnings)
		}
		start := read(t, filepath.Join(folder, "start.sh"))
		if conf := "$TARS_PATH/conf/" + result.Info.BuildServer + ".conf"; !strings.Contains(start, conf) {
			t.Errorf("%s: start.sh does not name %s", folder, conf)
		}
	}
}

func TestStartScriptsCanBeExecuted(t *testing.T) {
	for _, folder := range containers(t) {
		info, err := os.Stat(filepath.Join(folder, "start.sh"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s: start.sh is not executable", folder)
		}
	}
}

var copied = regexp.MustCompile(`(?m)^COPY (examples/\S+(?: examples/\S+)*) /`)

func TestDockerfilesCopyWhatIsThere(t *testing.T) {
	for _, folder := range containers(t) {
		match := copied.FindStringSubmatch(read(t, filepath.Join(folder, "Dockerfile")))
		if match == nil {
			t.Errorf("%s: the Dockerfile copies nothing of it", folder)
			continue
		}
		for file := range strings.FieldsSeq(match[1]) {
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s: %v", folder, err)
			}
		}
		for _, file := range []string{"start.sh", "_server_meta.yaml"} {
			if want := "examples/" + filepath.ToSlash(folder) + "/" + file; !strings.Contains(match[1], want) {
				t.Errorf("%s: the Dockerfile does not copy %s", folder, want)
			}
		}
	}
}

// deployment is what the test looks at in a manifest.
type deployment struct {
	Kind string
	Spec struct {
		Template struct {
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Env []struct {
						Name, Value string
						ValueFrom   map[string]any `yaml:"valueFrom"`
					}
					Lifecycle struct {
						PreStop struct{ Exec struct{ Command []string } } `yaml:"preStop"`
					}
				}
			}
		}
	}
}

func TestManifestsTellTheGracePeriod(t *testing.T) {
	for _, folder := range containers(t) {
		d := readDeployment(t, filepath.Join(folder, "manifest.yaml"))
		pod := d.Spec.Template.Spec
		if len(pod.Containers) != 1 {
			t.Errorf("%s: %d containers", folder, len(pod.Containers))
			continue
		}
		env := make(map[string]string)
		for _, e := range pod.Containers[0].Env {
			env[e.Name] = e.Value
		}
		for _, name := range []string{"POD_IP", "POD_UID"} {
			if _, ok := env[name]; !ok {
				t.Errorf("%s: %s is not set", folder, name)
			}
		}
		if got := env["TARS_GRACE_PERIOD"]; pod.Grace < 20 || got != strconv.Itoa(pod.Grace) {
			t.Errorf("%s: terminationGracePeriodSeconds %d, TARS_GRACE_PERIOD %q", folder, pod.Grace, got)
		}
		if hook := strings.Join(pod.Containers[0].Lifecycle.PreStop.Exec.Command, " "); hook != "tarscli prestop" {
			t.Errorf("%s: the hook is %q", folder, hook)
		}
	}
}

func readDeployment(t *testing.T, file string) deployment {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader([]byte(read(t, file))))
	for {
		var d deployment
		err := dec.Decode(&d)
		if errors.Is(err, io.EOF) {
			t.Fatalf("%s has no Deployment", file)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.Kind == "Deployment" {
			return d
		}
	}
}
