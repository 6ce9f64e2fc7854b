package pod

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Lookup finds an environment variable; os.LookupEnv is one. An empty value
// counts as not set.
type Lookup func(name string) (string, bool)

// Environment is what the environment variables say, defaults filled in. What
// _server_meta.yaml may say too is empty here where no variable says it.
type Environment struct {
	Paths Paths // TARS_PATH, /tars

	PodIP    string // POD_IP
	HostIP   string // TARS_HOST_IP: the node's own address
	Hostname string // HOSTNAME: in Kubernetes the pod's name

	Namespace     string // TARS_NAMESPACE, tars-system
	RandomPortMin int    // TARS_RAND_PORT_MIN, 13000
	RandomPortMax int    // TARS_RAND_PORT_MAX, 16000

	Application     string        // TARS_APPLICATION
	Server          string        // TARS_SERVER
	BuildServer     string        // TARS_BUILD_SERVER
	SetID           string        // TARS_SET_ID
	Locator         string        // TARS_LOCATOR
	MergeConf       string        // TARS_MERGE_CONF: a file
	RefreshInterval time.Duration // TARS_EP_UPTIME, in ms or with a unit; 0: not set
	ServerVersion   string        // SERVER_VERSION

	StartPath          string        // TARS_START_PATH, $TARS_PATH/bin/start.sh: a shell command
	StopPath           string        // TARS_STOP_PATH: a shell command; empty: kill the server's processes
	ReportInterval     time.Duration // TARS_REPORT_INTERVAL, 30s
	CheckInterval      time.Duration // TARS_CHECK_INTERVAL, 10s
	BeforeCheckScript  string        // TARS_BEFORE_CHECK_SCRIPT: a shell command
	CheckScriptTimeout time.Duration // TARS_CHECK_SCRIPT_TIMEOUT, 2s
	CheckRetryTimeout  time.Duration // TARS_CHECK_RETRY_TIMEOUT, 5s
	ActivatingTimeout  time.Duration // TARS_ACTIVATING_TIMEOUT, 300s
	DisableFlow        bool          // TARS_DISABLE_FLOW: any value
	PrestopWait        time.Duration // TARS_PRESTOP_WAITTIME, 80s
	PrestopWaitSet     bool          // whether TARS_PRESTOP_WAITTIME is set
	GracePeriod        time.Duration // TARS_GRACE_PERIOD; a bare number is seconds, as in the manifest; 0: not set
	MaxRestarts        int           // TARS_MAX_RESTARTS; 0: no limit
	ProbePort          int           // TARS_PROBE_PORT; 0: none
	OutputLog          bool          // TARS_OUTPUT_LOG: any value

	SyncDirectory       string // TARS_SYNC_DIRECTORY
	SyncTargetDirectory string // TARS_SYNC_TARGET_DIRECTORY, $TARS_PATH/bin

	UID           string   // TARS_POD_UID, else POD_UID
	WorkerID      WorkerID // TARS_WORKER_ID
	AdminEndpoint string   // TARS_ADMIN_ENDPOINT
	Token         Secret   // TARS_TOKEN

	// Warnings are about values that are legal and most likely not meant, each
	// a sentence that names its variable.
	Warnings []string
}

// Secret is a value that is never printed.
type Secret string

// String hides the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(hidden)"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// The defaults of what the metadata may say too.
const (
	DefaultNamespace       = "tars-system"
	DefaultRefreshInterval = 10 * time.Second
)

// ReadEnvironment reads all variables. The error joins one for each variable
// that can't be used, each naming the variable and what it may be.
func ReadEnvironment(lookup Lookup) (*Environment, error) {
	v := &variables{lookup: lookup}
	paths := Paths{Root: v.text("TARS_PATH", "/tars")}
	_, prestopWaitSet := v.get("TARS_PRESTOP_WAITTIME")
	e := &Environment{
		Paths:    paths,
		PodIP:    v.text("POD_IP", ""),
		HostIP:   v.text("TARS_HOST_IP", ""),
		Hostname: v.text("HOSTNAME", ""),

		Namespace:     v.text("TARS_NAMESPACE", DefaultNamespace),
		RandomPortMin: v.number("TARS_RAND_PORT_MIN", 13000, 1, 65535),
		RandomPortMax: v.number("TARS_RAND_PORT_MAX", 16000, 1, 65535),

		Application:     v.text("TARS_APPLICATION", ""),
		Server:          v.text("TARS_SERVER", ""),
		BuildServer:     v.text("TARS_BUILD_SERVER", ""),
		SetID:           v.text("TARS_SET_ID", ""),
		Locator:         v.text("TARS_LOCATOR", ""),
		MergeConf:       v.text("TARS_MERGE_CONF", ""),
		RefreshInterval: v.refreshInterval("TARS_EP_UPTIME"),
		ServerVersion:   v.text("SERVER_VERSION", ""),

		StartPath:          v.text("TARS_START_PATH", paths.Bin("start.sh")),
		StopPath:           v.text("TARS_STOP_PATH", ""),
		ReportInterval:     v.interval("TARS_REPORT_INTERVAL", 30*time.Second),
		CheckInterval:      v.interval("TARS_CHECK_INTERVAL", 10*time.Second),
		BeforeCheckScript:  v.text("TARS_BEFORE_CHECK_SCRIPT", ""),
		CheckScriptTimeout: v.interval("TARS_CHECK_SCRIPT_TIMEOUT", 2*time.Second),
		CheckRetryTimeout:  v.interval("TARS_CHECK_RETRY_TIMEOUT", 5*time.Second),
		ActivatingTimeout:  v.interval("TARS_ACTIVATING_TIMEOUT", 300*time.Second),
		DisableFlow:        v.text("TARS_DISABLE_FLOW", "") != "",
		PrestopWait:        v.duration("TARS_PRESTOP_WAITTIME", 80*time.Second),
		PrestopWaitSet:     prestopWaitSet,
		GracePeriod:        v.gracePeriod("TARS_GRACE_PERIOD"),
		MaxRestarts:        v.number("TARS_MAX_RESTARTS", 0, 0, 1<<31-1),
		ProbePort:          v.number("TARS_PROBE_PORT", 0, 0, 65535),
		OutputLog:          v.text("TARS_OUTPUT_LOG", "") != "",

		SyncDirectory:       v.text("TARS_SYNC_DIRECTORY", ""),
		SyncTargetDirectory: v.text("TARS_SYNC_TARGET_DIRECTORY", paths.Bin("")),

		UID:           v.text("TARS_POD_UID", v.text("POD_UID", "")),
		WorkerID:      v.workerID("TARS_WORKER_ID"),
		AdminEndpoint: v.text("TARS_ADMIN_ENDPOINT", ""),
		Token:         Secret(v.text("TARS_TOKEN", "")),
	}
	if e.RandomPortMin > e.RandomPortMax {
		v.fail("TARS_RAND_PORT_MIN", fmt.Sprintf("is %d, more than TARS_RAND_PORT_MAX, %d", e.RandomPortMin, e.RandomPortMax))
	}
	e.Warnings = v.warnings
	return e, errors.Join(v.errs...)
}
