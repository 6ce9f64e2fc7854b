package supervisor

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"github.com/tarsregistry/tarsregistry/internal/genconf"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/process"
	"github.com/tarsregistry/tarsregistry/internal/readiness"
	"github.com/tarsregistry/tarsregistry/internal/registryclient"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/internal/tarsconf"
	"github.com/tarsregistry/tarsregistry/tars"
)

// FromPod makes the options of a supervisor from what a pod knows about itself.
// It writes the server's configuration, unless that has to wait for a worker id.
// The warnings are sentences for people.
func FromPod(env *pod.Environment, stdout, stderr io.Writer, logger *slog.Logger) (Options, []string, error) {
	info, warnings, err := pod.Decide(env)
	if err != nil {
		return Options{}, warnings, err
	}
	o := Options{
		Paths: env.Paths, Stdout: stdout, Stderr: stderr, Logger: logger,
		Start: startCommand(env.StartPath), StopCommand: env.StopPath,
		CheckScript: env.BeforeCheckScript, ScriptTimeout: env.CheckScriptTimeout,
		CheckInterval: env.CheckInterval, CheckRetry: env.CheckRetryTimeout,
		ActivatingTimeout: env.ActivatingTimeout, ReportInterval: env.ReportInterval, MaxRestarts: env.MaxRestarts,
		DrainWait: env.PrestopWait, GracePeriod: env.GracePeriod, ClientRefresh: info.Conf.RefreshEndpointInterval.Duration(),
		ProbePort: env.ProbePort, Registration: registration(env, info),
	}
	if o.Targets, err = readiness.Targets(info); err != nil {
		return Options{}, warnings, err
	}
	if env.OutputLog {
		o.OutputLog = env.Paths.Log(info.Conf.Application + "." + info.Conf.Server + ".out")
	}
	o.WorkerID, o.NeedWorkerID = workerID(env)
	client, err := newClient(env, info, logger)
	if err != nil {
		return Options{}, warnings, err
	}
	if o.NeedWorkerID {
		client.WantWorkerID()
	} else if n, err := strconv.Atoi(o.WorkerID); err == nil && n < leasedWorkers {
		client.HoldWorkerID(o.WorkerID)
	}
	o.Calls = client
	more, err := o.useConfiguration(env, info)
	return o, append(warnings, more...), err
}

// useConfiguration takes from the configuration what the supervisor needs, and
// sees to its being written.
func (o *Options) useConfiguration(env *pod.Environment, info *pod.Info) ([]string, error) {
	build := func(id string) (*genconf.Result, error) {
		settled := *info
		settled.WorkerID = id
		return genconf.Build(env, &settled)
	}
	id := o.WorkerID
	if o.NeedWorkerID {
		id = "0" // stands for the one to come
	}
	result, err := build(id)
	if err != nil {
		return nil, err
	}
	document, err := tarsconf.Parse(result.Text)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	o.Admin = result.Info.Conf.Local
	o.NodeLocator = document.Get("/tars/application/server<node>", "")
	o.Prepare = func(id string) error {
		result, err := build(id)
		if err != nil {
			return err
		}
		return result.Write()
	}
	if o.NeedWorkerID {
		return result.Warnings, nil
	}
	return result.Warnings, result.Write()
}

// leasedWorkers is how many worker ids a registry leases; it has no use for
// greater ones.
const leasedWorkers = 1024

// workerID is the id that is known already, and whether one has to be leased: a
// StatefulSet's pods are numbered by Kubernetes.
func workerID(env *pod.Environment) (id string, lease bool) {
	if env.WorkerID.Set {
		return strconv.Itoa(env.WorkerID.Number), false
	}
	if !env.WorkerID.Auto {
		return "", false
	}
	if ordinal, ok := env.Ordinal(); ok {
		return strconv.Itoa(ordinal), false
	}
	return "", true
}

// newClient makes the client of this pod's instance.
func newClient(env *pod.Environment, info *pod.Info, logger *slog.Logger) (*registryclient.Client, error) {
	locator, err := registryclient.ParseLocator(info.Conf.Locator)
	if err != nil {
		return nil, err
	}
	identity, err := env.Identity(info.LocalIP)
	if err != nil {
		return nil, err
	}
	return registryclient.New(registryclient.Config{
		Invoker: &tarsclient.Dialer{}, Locator: locator, Node: info.LocalIP,
		Application: info.Conf.Application, Server: info.Conf.Server, Identity: identity,
		Beat: env.ReportInterval, Token: string(env.Token),
		Cache: env.Paths.Cache(registryclient.RegistryObject), Logger: logger,
	}), nil
}

func registration(env *pod.Environment, info *pod.Info) tars.OnStartupReq {
	request := tars.OnStartupReq{
		NodeName: info.LocalIP, Application: info.Conf.Application, Server: info.Conf.Server,
		SetID: info.Conf.SetID, DisableFlow: env.DisableFlow, Version: env.ServerVersion,
	}
	if request.Version == "" {
		request.Version = info.Conf.Version
	}
	for _, a := range info.Conf.Adapters {
		request.Adapters = append(request.Adapters, tars.AdapterConf{
			Servant: info.Servant(a), Endpoint: a.Endpoint, Protocol: a.Protocol,
			MaxConns: int32(a.MaxConns), ThreadNum: int32(a.Threads),
			QueueCap: int32(a.QueueCap), QueueTimeout: int32(a.QueueTimeout),
		})
	}
	return request
}

// startCommand runs a program itself, so that signals and exit codes need no
// shell in between; everything else is the shell's: a script without #! or
// without permission to execute (mounted from a config map), a command line.
func startCommand(line string) process.Command {
	info, err := os.Stat(line)
	switch {
	case err != nil || info.IsDir():
		return process.Command{Path: "/bin/sh", Args: []string{"-c", line}}
	case info.Mode()&0o111 == 0 || !isProgram(line):
		return process.Command{Path: "/bin/sh", Args: []string{line}}
	}
	return process.Command{Path: line}
}

// isProgram tells whether the kernel can execute the file.
func isProgram(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return true // may be executed, not read
	}
	defer func() { _ = f.Close() }() // only read from
	var head [4]byte
	n, _ := f.Read(head[:])
	return bytes.HasPrefix(head[:n], []byte("#!")) || bytes.Equal(head[:n], []byte("\x7fELF"))
}
