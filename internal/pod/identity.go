package pod

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Identity tells who this pod is (extensions.md): the UID it was told, else the
// one Kubernetes left in the kernel's tables, else a random one kept under
// data. The kind is host where the address is shared with others: the UID is
// random, or the pod has the address of its machine.
func (e *Environment) Identity(localAddress string) (naming.Identity, error) {
	return e.identity(localAddress, os.ReadFile)
}

// KnownIdentity is Identity without the random one: zero where none is known.
func (e *Environment) KnownIdentity(localAddress string) (naming.Identity, error) {
	return e.knownIdentity(localAddress, os.ReadFile)
}

func (e *Environment) identity(localAddress string, readFile func(string) ([]byte, error)) (naming.Identity, error) {
	known, err := e.knownIdentity(localAddress, readFile)
	if err != nil || !known.IsZero() {
		return known, err
	}
	uid, err := keptUID(e.Paths.UID())
	if err != nil {
		return naming.Identity{}, fmt.Errorf("make an identity for this pod: %w", err)
	}
	return naming.Identity{UID: uid, Kind: naming.KindHost}, nil
}

func (e *Environment) knownIdentity(localAddress string, readFile func(string) ([]byte, error)) (naming.Identity, error) {
	kind := naming.KindPod
	if e.HostIP != "" && e.HostIP == localAddress {
		kind = naming.KindHost
	}
	if e.UID != "" {
		identity := naming.Identity{UID: e.UID, Kind: kind}
		if err := naming.CheckIdentity(identity); err != nil {
			return naming.Identity{}, fmt.Errorf("TARS_POD_UID or POD_UID: %w", err)
		}
		return identity, nil
	}
	for _, file := range []string{"/proc/self/mountinfo", "/proc/self/cgroup"} {
		text, err := readFile(file)
		if err != nil {
			continue // not Linux, or hidden: there are other ways
		}
		if uid, ok := kubernetesUID(text); ok {
			return naming.Identity{UID: uid, Kind: kind}, nil
		}
	}
	return naming.Identity{}, nil
}

// kubernetesUID finds the pod's UID in the paths of its mounts
// (…/pods/<uid>/etc-hosts) or control groups (…/pod<uid>, in systemd's names
// with underscores).
func kubernetesUID(text []byte) (string, bool) {
	for _, before := range []string{"/pods/", "/pod", "-pod"} {
		rest := text
		for {
			_, after, ok := bytes.Cut(rest, []byte(before))
			if !ok {
				break
			}
			if uid, ok := leadingUUID(after); ok {
				return uid, true
			}
			rest = after
		}
	}
	return "", false
}

func leadingUUID(text []byte) (string, bool) {
	const length = 36
	if len(text) < length {
		return "", false
	}
	uid := strings.ReplaceAll(strings.ToLower(string(text[:length])), "_", "-")
	for i, c := range []byte(uid) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(c)) {
			return "", false
		}
	}
	return uid, true
}

// keptUID reads the random UID, and makes one the first time.
func keptUID(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if uid, ok := leadingUUID(text); ok {
		return uid, nil
	}
	uid := randomUUID()
	if err := atomicfile.Write(file, []byte(uid+"\n"), 0o644); err != nil {
		return "", err
	}
	return uid, nil
}

// randomUUID is a UUID of version 4.
func randomUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
