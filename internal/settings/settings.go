package settings

import (
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/tarsregistry/tarsregistry/registry"
)

// Settings are all settings of the registry, checked. Options has no Version
// and no Logger yet.
type Settings struct {
	Options registry.Options
	Log     Log
	TLS     TLS // not in Options yet: see TLS.Apply
}

// Log says how the log is written.
type Log struct {
	JSON  bool
	Level slog.Level
}

// Database says which database is meant.
type Database struct {
	DSN     string // "": the embedded SQLite file in DataDir
	DataDir string
}

// Load reads the settings of serve from flags that Define made and from the
// environment (os.Getenv). The error is an *Error and names the first setting
// that breaks a rule.
func Load(flags *pflag.FlagSet, getenv func(string) string) (*Settings, error) {
	r := newReader(flags, getenv)
	file := r.config()
	s := &Settings{Log: r.log(file)}
	o := &s.Options
	o.DSN = r.dsn()
	o.DataDir = r.directory("data-dir")
	o.NoMigrate = r.isOn("no-migrate")
	r.listeners(o, file)
	r.leases(o)
	o.Token = r.token()
	o.RequireToken = r.isOn("require-token")
	o.PodAddressCheck = r.isOn("pod-address-check")
	o.NodeAllow = r.networks("node-allow")
	o.MaxConnections = r.number("max-connections", 0, 10_000_000)
	o.MaxConnectionsPerAddress = r.number("max-per-address", 0, 10_000_000)
	o.RegistrationRate = r.number("registration-rate", 0, 1_000_000)
	o.Pprof = r.isOn("pprof")
	s.TLS = r.tls()
	r.checkTogether(o)
	if r.err != nil {
		return nil, r.err
	}
	return s, nil
}

// LoadDatabase reads what DefineDatabase made flags for.
func LoadDatabase(flags *pflag.FlagSet, getenv func(string) string) (Database, error) {
	r := newReader(flags, getenv)
	d := Database{DSN: r.dsn(), DataDir: r.directory("data-dir")}
	return d, r.err
}

func (r *reader) log(file *config) Log {
	format := r.oneOf(r.find("log-format"), "text", "json")
	text := r.oneOf(r.find("log-level").or(file.logLevel, file.name+" logLevel"), "debug", "info", "warn", "error")
	var level slog.Level
	if r.err == nil {
		r.fail(level.UnmarshalText([]byte(text)))
	}
	return Log{JSON: format == "json", Level: level}
}

func (r *reader) directory(name string) string {
	v := r.find(name)
	if v.text == "" {
		r.fail(invalid(v.name, "must not be empty"))
	}
	return v.text
}

func (r *reader) leases(o *registry.Options) {
	o.LeaseTTL = r.duration("lease-ttl", time.Second, 24*time.Hour, false)
	o.CleanAfter = r.duration("clean-after", time.Second, 10*365*24*time.Hour, false)
	o.Tombstone = r.duration("tombstone", time.Second, 24*time.Hour, true)
	if o.CleanAfter < o.LeaseTTL {
		r.fail(invalid(r.find("clean-after").name, "is %s; it must not be shorter than the lease time, %s", o.CleanAfter, o.LeaseTTL))
	}
}

func (r *reader) listeners(o *registry.Options, file *config) {
	host := r.find("host")
	o.Host = r.host(host.or(file.host(), file.name))
	o.Query = r.servant("query-port", file, file.listen[queryServant], host)
	o.Node = r.servant("node-port", file, file.listen[nodeServant], host)
	o.Pod = r.servant("pod-port", file, file.listen[podServant], host)
	o.HTTP = registry.Listener{
		Host: r.host(r.find("http-host")),
		Port: r.port(r.find("http-port").or(file.httpPort(), file.name)),
	}
	o.Admin = registry.Listener{
		Host: r.host(r.find("admin-host").or(file.admin.host, file.name)),
		Port: r.port(r.find("admin-port").or(file.port(file.admin), file.name)),
	}
	o.AdvertiseHost = r.host(r.find("advertise-host"))
	if o.AdvertiseHost == "" {
		o.AdvertiseHost = o.Host
	}
	if isUnspecified(o.AdvertiseHost) && file.localIP != "" {
		o.AdvertiseHost = r.host(value{file.localIP, file.name + " localip", byFile})
	}
	if isUnspecified(o.AdvertiseHost) {
		r.fail(invalid(r.find("advertise-host").name, "must be set to what others can connect to where the registry listens on %s", o.AdvertiseHost))
	}
}

// servant keeps the host that the file gives a servant apart only where nothing
// else said where to listen.
func (r *reader) servant(name string, file *config, in listen, host value) registry.Listener {
	l := registry.Listener{Port: r.port(r.find(name).or(file.port(in), file.name))}
	if in.host != "" && host.rank == byDefault {
		l.Host = r.host(value{in.host, file.name, byFile})
	}
	return l
}

// checkTogether holds settings to the rules that need more than one of them.
func (r *reader) checkTogether(o *registry.Options) {
	const off = registry.PortOff
	if r.err == nil && o.Query.Port == off && o.Node.Port == off && o.Pod.Port == off {
		r.fail(invalid("--query-port, --node-port and --pod-port", "are all off (a --config file turns off what it does not name); nothing would be served"))
	}
	if o.RequireToken && o.Token == "" {
		r.fail(invalid(r.find("require-token").name, "wants a token; give one by TARS_TOKEN or --token-file"))
	}
	if o.Admin.Port != off && o.Admin.Host != "" && !isLoopback(o.Admin.Host) && o.Token == "" {
		r.fail(invalid(r.find("admin-host").name, "is %s; beyond loopback AdminObj wants a token, by TARS_TOKEN or --token-file", quote(o.Admin.Host)))
	}
	r.checkPorts(o)
}

// checkPorts finds two servants on one address.
func (r *reader) checkPorts(o *registry.Options) {
	type place struct {
		host string
		port registry.Port
	}
	taken := make(map[place]string)
	for _, l := range []struct {
		name string
		registry.Listener
	}{{"query-port", o.Query}, {"node-port", o.Node}, {"pod-port", o.Pod}, {"http-port", o.HTTP}, {"admin-port", o.Admin}} {
		if l.Port <= 0 {
			continue
		}
		at := place{l.Host, l.Port}
		if at.host == "" {
			at.host = o.Host
		}
		if other := taken[at]; other != "" {
			r.fail(invalid(r.find(l.name).name, "is %d, as --%s is; each needs its own", l.Port, other))
		}
		taken[at] = l.name
	}
}
