package settings

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Setting describes one setting for flag sets, help and documentation.
type Setting struct {
	Group    string
	Name     string   // the flag, without dashes
	Env      []string // variables of the same meaning; the first that is set counts
	Operand  string   // what the flag is followed by, "" for a switch
	Default  string   // "": none, or as Usage says
	Usage    string
	Database bool // migrate has it too
}

// switchOn is what a flag without an operand stands for.
const switchOn = "true"

// The groups, in the order of the help.
const (
	groupDatabase = "Database"
	groupListen   = "Listening (a port of 0 is any free one, off is none)"
	groupLease    = "Leases (durations such as 95s, 10m, 24h)"
	groupAccess   = "Access"
	groupLog      = "Log and configuration"
)

// Catalog lists all settings in the order of the help.
func Catalog() []Setting {
	list := []Setting{
		{Group: groupDatabase, Name: "dsn", Env: []string{"DB_DSN"}, Operand: "DSN", Database: true,
			Usage: "MySQL-speaking database, user:password@tcp(host:port)/db_tars; without it DB_HOST, DB_PORT (3306), DB_USER (root), DB_PASS and DB_NAME (db_tars); without these the embedded SQLite file in --data-dir"},
		{Group: groupDatabase, Name: "data-dir", Operand: "DIR", Default: "./data", Database: true,
			Usage: "folder of the embedded database and of registry.json"},
		{Group: groupDatabase, Name: "no-migrate",
			Usage: "do not create or bring up to date tables at the start"},

		{Group: groupListen, Name: "host", Env: []string{"REGISTRY_HOST", "POD_IP"}, Operand: "HOST", Default: "127.0.0.1",
			Usage: "where it listens, and what it advertises"},
		{Group: groupListen, Name: "advertise-host", Operand: "HOST",
			Usage: "what others are told to connect to (default: --host)"},
		{Group: groupListen, Name: "query-port", Operand: "PORT", Default: "17890",
			Usage: "tars.tarsregistry.QueryObj: look-ups of clients"},
		{Group: groupListen, Name: "node-port", Operand: "PORT", Default: "17891",
			Usage: "tars.tarsregistry.RegistryObj: tarsnode"},
		{Group: groupListen, Name: "pod-port", Operand: "PORT", Default: "17892",
			Usage: "tars.tarsregistry.Registry: registrations and heartbeats of pods"},
		{Group: groupListen, Name: "http-port", Operand: "PORT", Default: "17893",
			Usage: "console page, /api/v1, /metrics, /sd/prometheus, /healthz, /readyz (9325 with --config)"},
		{Group: groupListen, Name: "http-host", Operand: "HOST",
			Usage: "where --http-port listens (default: --host)"},
		{Group: groupListen, Name: "admin-port", Operand: "PORT", Default: "17894",
			Usage: "AdminObj: management commands such as clean"},
		{Group: groupListen, Name: "admin-host", Operand: "HOST", Default: "127.0.0.1",
			Usage: "where --admin-port listens; beyond loopback it wants a token"},
		{Group: groupListen, Name: "max-connections", Operand: "N", Default: "0",
			Usage: "most connections at a time, 0 for the built-in limit of 50000"},
		{Group: groupListen, Name: "max-per-address", Operand: "N", Default: "0",
			Usage: "most connections from one source address, 0 for no limit, since a NAT gateway is one address"},
		{Group: groupListen, Name: "registration-rate", Operand: "N", Default: "10000",
			Usage: "most registrations taken on a second, 0 for no limit; who comes beyond it is told when to try again"},

		{Group: groupLease, Name: "lease-ttl", Operand: "TIME", Default: "95s",
			Usage: "how long an instance stays active without a heartbeat (three of its intervals at least)"},
		{Group: groupLease, Name: "clean-after", Operand: "TIME", Default: "24h",
			Usage: "how long an instance stays inactive before it is removed"},
		{Group: groupLease, Name: "tombstone", Operand: "TIME", Default: "150s",
			Usage: "how long a removed endpoint is still shown as inactive, 0 for not at all"},

		{Group: groupAccess, Name: "token", Env: []string{"TARS_TOKEN"}, Operand: "TEXT",
			Usage: "shared secret of pods and operators; a file or the variable keeps it out of process lists"},
		{Group: groupAccess, Name: "token-file", Operand: "FILE",
			Usage: "file whose first line is the token"},
		{Group: groupAccess, Name: "require-token",
			Usage: "refuse registrations that come without the token"},
		{Group: groupAccess, Name: "pod-address-check",
			Usage: "a pod may only speak for the address it calls from"},
		{Group: groupAccess, Name: "node-allow", Operand: "NETS",
			Usage: "networks that may call RegistryObj, such as 10.0.0.0/8,192.168.1.7 (default: all)"},
		{Group: groupAccess, Name: "tls-cert", Operand: "FILE",
			Usage: "PEM certificate chain; makes --http-port HTTPS, and --tls-servants ssl; read again when it changes"},
		{Group: groupAccess, Name: "tls-key", Operand: "FILE",
			Usage: "PEM key of --tls-cert"},
		{Group: groupAccess, Name: "tls-client-ca", Operand: "FILE",
			Usage: "PEM authorities of client certificates: demanded by --tls-servants, in place of the token for the API"},
		{Group: groupAccess, Name: "tls-servants", Operand: "LIST",
			Usage: "servants that speak TLS only: query, node, pod, separated by commas (default: none)"},

		{Group: groupLog, Name: "log-format", Operand: "FORMAT", Default: "text", Usage: "text or json, on standard error"},
		{Group: groupLog, Name: "log-level", Operand: "LEVEL", Default: "info", Usage: "debug, info, warn or error"},
		{Group: groupLog, Name: "pprof",
			Usage: "serve Go's profiles under /debug/pprof, to those who may use the API"},
		{Group: groupLog, Name: "config", Operand: "FILE",
			Usage: "Tars server configuration, as genconf writes it: adapter endpoints, local and logLevel count where nothing else is said, and servants it does not name are off"},
	}
	for i := range list {
		if list[i].Env == nil {
			list[i].Env = []string{environmentName(list[i].Name)}
		}
	}
	return list
}

func environmentName(flag string) string {
	return "REGISTRY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Define adds the flags of serve to the set.
func Define(flags *pflag.FlagSet) { define(flags, Catalog()) }

// DefineDatabase adds the flags that say which database is meant.
func DefineDatabase(flags *pflag.FlagSet) { define(flags, databaseCatalog()) }

func databaseCatalog() []Setting {
	return slices.DeleteFunc(Catalog(), func(s Setting) bool { return !s.Database })
}

// define makes every flag a text: what a value means and which rule it breaks
// is said in one place, wherever the value comes from.
func define(flags *pflag.FlagSet, list []Setting) {
	for _, s := range list {
		flags.String(s.Name, s.Default, s.Usage)
		if s.Operand == "" {
			flags.Lookup(s.Name).NoOptDefVal = switchOn
		}
	}
	flags.SortFlags = false
}
