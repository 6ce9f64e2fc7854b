package registry

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"
)

// Port is a listening port: a number, 0 for any free one, PortOff for none.
type Port int

// PortOff switches a servant off.
const PortOff Port = -1

// Listener says where one of the registry's servants listens.
type Listener struct {
	Host string // "": Options.Host
	Port Port
	TLS  *tls.Config // nil: plain tcp
}

// Options are the registry's settings, checked and with their defaults filled
// in by whoever made them (see internal/settings).
type Options struct {
	DSN       string // go-sql-driver DSN; "": the embedded SQLite file in DataDir
	DataDir   string // holds the embedded database, the picture on disk and registry.json
	NoMigrate bool

	Host          string // where servants listen
	AdvertiseHost string // what t_registry_info and registry.json tell others
	Query         Listener
	Node          Listener
	Pod           Listener
	HTTP          Listener
	Admin         Listener

	LeaseTTL   time.Duration // R17, 95 s
	CleanAfter time.Duration // how long an instance stays inactive before it is removed, 24 h
	Tombstone  time.Duration // R25, 150 s, 0: off

	Token           string         // shared secret of Registry and AdminObj
	RequireToken    bool           // refuse calls to Registry without it; AdminObj beyond loopback always wants it
	PodAddressCheck bool           // a pod may only speak for its own address
	NodeAllow       []netip.Prefix // networks that may call RegistryObj; empty: all
	MaxConnections  int            // 0: the default of the RPC layer
	Pprof           bool           // serve Go's profiles to those who may use the API

	MaxConnectionsPerAddress int // of the servants; 0: no limit
	RegistrationRate         int // registrations taken on a second; 0: no limit

	Version  string
	Logger   *slog.Logger
	LogLevel *slog.LevelVar // what Logger logs from; nil: cannot be changed
}

// Addresses are where the servants really listen, host:port as others reach
// them; "" for one that is off.
type Addresses struct {
	Query string `json:"query"`
	Node  string `json:"node"`
	Pod   string `json:"pod"`
	HTTP  string `json:"http"`
	Admin string `json:"admin"`
}

// DatabaseFile is the name of the embedded database within Options.DataDir.
const DatabaseFile = "registry.db"
