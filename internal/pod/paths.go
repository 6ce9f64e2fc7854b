package pod

import "path/filepath"

// Paths are the files and folders under $TARS_PATH.
type Paths struct {
	Root string
}

func (p Paths) join(parts ...string) string {
	return filepath.Join(append([]string{p.Root}, parts...)...)
}

// Bin is a file in bin, which holds the server; "" is the folder itself. So
// are Conf, Log and Data.
func (p Paths) Bin(name string) string { return p.join("bin", name) }

// Conf is a file in conf, which holds the generated configuration.
func (p Paths) Conf(name string) string { return p.join("conf", name) }

// Log is a file in log.
func (p Paths) Log(name string) string { return p.join("log", name) }

// Data is a file in data, which holds what the pod remembers.
func (p Paths) Data(name string) string { return p.join("data", name) }

// Meta is the metadata that the image brings.
func (p Paths) Meta() string { return p.Bin("_server_meta.yaml") }

// Info is what genconf decided.
func (p Paths) Info() string { return p.Data("server_info.yaml") }

// CheckStatus holds the state last observed.
func (p Paths) CheckStatus() string { return p.Data("check_status") }

// Prestop marks that prestop has run.
func (p Paths) Prestop() string { return p.Data("prestop") }

// Stop keeps the supervisor from restarting the server while it exists.
func (p Paths) Stop() string { return p.Data("stop") }

// UID keeps a random identity, for pods that are told none.
func (p Paths) UID() string { return p.Data("pod_uid") }

// Socket is where the supervisor listens for prestop.
func (p Paths) Socket() string { return p.Data("supervisor.sock") }

// Cache holds the endpoints of one of the registry's objects.
func (p Paths) Cache(object string) string { return p.Data("cache_" + object) }
