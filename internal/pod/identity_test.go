package pod

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

const someUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"

func TestIdentity(t *testing.T) {
	mountinfo := "1 2 8:1 / / rw - ext4 /dev/sda1 rw\n" +
		"3 2 8:1 /var/lib/kubelet/pods/" + someUID + "/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
	systemd := "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + strings.ReplaceAll(someUID, "-", "_") + ".slice/cri-x.scope\n"
	tests := []struct {
		name  string
		words []string
		files map[string]string
		want  naming.Identity
	}{
		{"told", []string{"POD_UID=told-1"}, nil, naming.Identity{UID: "told-1", Kind: naming.KindPod}},
		{"told on the host's network", []string{"POD_UID=told-1", "TARS_HOST_IP=10.0.0.9"}, nil, naming.Identity{UID: "told-1", Kind: naming.KindHost}},
		{"mounts", nil, map[string]string{"/proc/self/mountinfo": mountinfo}, naming.Identity{UID: someUID, Kind: naming.KindPod}},
		{"control group", nil, map[string]string{"/proc/self/cgroup": "12:cpu:/kubepods/besteffort/pod" + someUID + "/f00\n"}, naming.Identity{UID: someUID, Kind: naming.KindPod}},
		{"control group of systemd", nil, map[string]string{"/proc/self/cgroup": systemd}, naming.Identity{UID: someUID, Kind: naming.KindPod}},
		{"mounts on the host's network", []string{"TARS_HOST_IP=10.0.0.9"}, map[string]string{"/proc/self/mountinfo": mountinfo}, naming.Identity{UID: someUID, Kind: naming.KindHost}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			read := func(name string) ([]byte, error) {
				if text, ok := tt.files[name]; ok {
					return []byte(text), nil
				}
				return nil, fs.ErrNotExist
			}
			e := mustRead(t, append(tt.words, "TARS_PATH="+t.TempDir())...)
			got, err := e.identity("10.0.0.9", read)
			if err != nil || got != tt.want {
				t.Errorf("identity = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestRandomIdentityIsKept(t *testing.T) {
	nothing := func(string) ([]byte, error) { return []byte("1 2 8:1 / /pods/none rw\n"), nil }
	e := mustRead(t, "TARS_PATH="+t.TempDir())
	first, err := e.identity("10.0.0.9", nothing)
	if err != nil || first.Kind != naming.KindHost || naming.CheckIdentity(first) != nil {
		t.Fatalf("identity = %+v, %v", first, err)
	}
	if again, err := e.identity("10.0.0.9", nothing); err != nil || again != first {
		t.Errorf("second life: %+v, %v; want %+v", again, err, first)
	}
	if err := os.WriteFile(e.Paths.UID(), []byte("garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	other, err := e.identity("10.0.0.9", nothing)
	if err != nil || other == first || len(other.UID) != 36 {
		t.Errorf("after the file was spoilt: %+v, %v", other, err)
	}
}

func TestIdentityRefuses(t *testing.T) {
	if got, err := mustRead(t, "POD_UID="+strings.Repeat("x", 65)).Identity("10.0.0.9"); err == nil {
		t.Errorf("an identity no column holds was taken: %+v", got)
	}
}

func TestLocalAddressFromTheRoute(t *testing.T) {
	address, err := mustRead(t).LocalAddress()
	if err != nil {
		// A machine without a route: the error must say what to do.
		if !strings.Contains(err.Error(), "set POD_IP") {
			t.Error(err)
		}
		return
	}
	if _, err := checkAddress("route", address); err != nil {
		t.Error(err)
	}
}

func FuzzKubernetesUID(f *testing.F) {
	f.Add([]byte("/pods/" + someUID + "/x"))
	f.Add([]byte("/pods/pods//pod-pod"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if uid, ok := kubernetesUID(text); ok && naming.CheckIdentity(naming.Identity{UID: uid}) != nil {
			t.Errorf("uid %q", uid)
		}
	})
}
