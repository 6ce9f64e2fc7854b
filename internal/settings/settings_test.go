package settings

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/tarsregistry/tarsregistry/registry"
)

type environment map[string]string

func (e environment) get(name string) string { return e[name] }

func load(t *testing.T, env environment, args ...string) (*Settings, error) {
	t.Helper()
	flags := pflag.NewFlagSet("registry", pflag.ContinueOnError)
	Define(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatalf("parse %q: %v", args, err)
	}
	return Load(flags, env.get)
}

func mustLoad(t *testing.T, env environment, args ...string) registry.Options {
	t.Helper()
	s, err := load(t, env, args...)
	if err != nil {
		t.Fatalf("load %v %q: %v", env, args, err)
	}
	return s.Options
}

func TestDefaults(t *testing.T) {
	s, err := load(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := registry.Options{
		DataDir: "./data", Host: "127.0.0.1", AdvertiseHost: "127.0.0.1",
		Query: registry.Listener{Port: 17890}, Node: registry.Listener{Port: 17891},
		Pod: registry.Listener{Port: 17892}, HTTP: registry.Listener{Port: 17893},
		Admin:    registry.Listener{Host: "127.0.0.1", Port: 17894},
		LeaseTTL: 95 * time.Second, CleanAfter: 24 * time.Hour, Tombstone: 150 * time.Second,
		RegistrationRate: 10000,
	}
	if !reflect.DeepEqual(s.Options, want) {
		t.Errorf("options\n got %+v\nwant %+v", s.Options, want)
	}
	if s.Log != (Log{Level: slog.LevelInfo}) {
		t.Errorf("log %+v", s.Log)
	}
}

func TestPrecedence(t *testing.T) {
	file := writeFile(t, "tars.conf", tarsConfig)
	env := environment{"REGISTRY_QUERY_PORT": "2", "REGISTRY_LOG_LEVEL": "warn"}
	tests := []struct {
		name  string
		env   environment
		args  []string
		port  registry.Port
		level slog.Level
	}{
		{"default", nil, nil, 17890, slog.LevelInfo},
		{"file over default", nil, []string{"--config", file}, 11890, slog.LevelDebug},
		{"environment over file", env, []string{"--config", file}, 2, slog.LevelWarn},
		{"flag over environment", env, []string{"--config", file, "--query-port", "3", "--log-level=error"}, 3, slog.LevelError},
		{"an empty variable is none", environment{"REGISTRY_QUERY_PORT": ""}, nil, 17890, slog.LevelInfo},
		{"a flag equal to the default is a flag", env, []string{"--query-port=17890"}, 17890, slog.LevelWarn},
		{"the file by variable", environment{"REGISTRY_CONFIG": file}, nil, 11890, slog.LevelDebug},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := load(t, test.env, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if s.Options.Query.Port != test.port || s.Log.Level != test.level {
				t.Errorf("query port %d, level %v; want %d, %v", s.Options.Query.Port, s.Log.Level, test.port, test.level)
			}
		})
	}
}

func TestEverySettingHasAVariable(t *testing.T) {
	for _, s := range Catalog() {
		if len(s.Env) == 0 || s.Usage == "" || s.Group == "" {
			t.Errorf("--%s lacks a variable, a usage or a group: %+v", s.Name, s)
		}
	}
}

func TestEachSettingArrives(t *testing.T) {
	secret := writeFile(t, "token", "s3cret\nsecond line\n")
	tests := []struct {
		args []string
		env  environment
		want any
		got  func(registry.Options) any
	}{
		{[]string{"--data-dir", "/d"}, nil, "/d", func(o registry.Options) any { return o.DataDir }},
		{[]string{"--no-migrate"}, nil, true, func(o registry.Options) any { return o.NoMigrate }},
		{nil, environment{"REGISTRY_NO_MIGRATE": "TRUE"}, true, func(o registry.Options) any { return o.NoMigrate }},
		{[]string{"--no-migrate=false"}, environment{"REGISTRY_NO_MIGRATE": "1"}, false, func(o registry.Options) any { return o.NoMigrate }},
		{nil, environment{"POD_IP": "10.1.2.3"}, "10.1.2.3", func(o registry.Options) any { return o.Host }},
		{nil, environment{"POD_IP": "10.1.2.3"}, "10.1.2.3", func(o registry.Options) any { return o.AdvertiseHost }},
		{nil, environment{"POD_IP": "10.1.2.3", "REGISTRY_HOST": "10.1.2.4"}, "10.1.2.4", func(o registry.Options) any { return o.Host }},
		{[]string{"--host", "[fd00::1]"}, nil, "fd00::1", func(o registry.Options) any { return o.Host }},
		{[]string{"--host", "0.0.0.0", "--advertise-host=registry.example"}, nil, "registry.example", func(o registry.Options) any { return o.AdvertiseHost }},
		{[]string{"--node-port", "off"}, nil, registry.PortOff, func(o registry.Options) any { return o.Node.Port }},
		{[]string{"--pod-port=0"}, nil, registry.Port(0), func(o registry.Options) any { return o.Pod.Port }},
		{nil, environment{"REGISTRY_HTTP_PORT": "65535"}, registry.Port(65535), func(o registry.Options) any { return o.HTTP.Port }},
		{[]string{"--http-host", "::"}, nil, "::", func(o registry.Options) any { return o.HTTP.Host }},
		{[]string{"--admin-host=0.0.0.0"}, environment{"TARS_TOKEN": "x"}, "0.0.0.0", func(o registry.Options) any { return o.Admin.Host }},
		{[]string{"--max-connections", "500"}, nil, 500, func(o registry.Options) any { return o.MaxConnections }},
		{nil, nil, 10000, func(o registry.Options) any { return o.RegistrationRate }},
		{nil, environment{"REGISTRY_REGISTRATION_RATE": "0"}, 0, func(o registry.Options) any { return o.RegistrationRate }},
		{[]string{"--registration-rate", "70"}, nil, 70, func(o registry.Options) any { return o.RegistrationRate }},
		{[]string{"--max-per-address", "9"}, nil, 9, func(o registry.Options) any { return o.MaxConnectionsPerAddress }},
		{[]string{"--lease-ttl", "3s"}, nil, 3 * time.Second, func(o registry.Options) any { return o.LeaseTTL }},
		{nil, environment{"REGISTRY_CLEAN_AFTER": "48h"}, 48 * time.Hour, func(o registry.Options) any { return o.CleanAfter }},
		{[]string{"--tombstone", "0"}, nil, time.Duration(0), func(o registry.Options) any { return o.Tombstone }},
		{nil, environment{"TARS_TOKEN": "abc"}, "abc", func(o registry.Options) any { return o.Token }},
		{[]string{"--token-file", secret}, environment{"TARS_TOKEN": "abc"}, "s3cret", func(o registry.Options) any { return o.Token }},
		{[]string{"--token", "def"}, environment{"REGISTRY_TOKEN_FILE": secret}, "def", func(o registry.Options) any { return o.Token }},
		{[]string{"--require-token"}, environment{"REGISTRY_TOKEN_FILE": secret}, true, func(o registry.Options) any { return o.RequireToken }},
		{nil, environment{"REGISTRY_POD_ADDRESS_CHECK": "true"}, true, func(o registry.Options) any { return o.PodAddressCheck }},
		{[]string{"--node-allow", "10.1.0.0/8, 127.0.0.1,fd00::/8"}, nil, []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8"),
		}, func(o registry.Options) any { return o.NodeAllow }},
	}
	for _, test := range tests {
		options := mustLoad(t, test.env, test.args...)
		if got := test.got(options); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q %v: got %v, want %v", test.args, test.env, got, test.want)
		}
	}
}

func TestBadSettings(t *testing.T) {
	empty := writeFile(t, "empty", "\n")
	long := writeFile(t, "long", strings.Repeat("x", 300))
	tests := []struct {
		args []string
		env  environment
		want string // how the message begins
		rule string // what it says too
	}{
		{[]string{"--query-port", "x"}, nil, `--query-port is "x"`, "0 (any free one) to 65535, or off"},
		{[]string{"--query-port", "65536"}, nil, `--query-port is "65536"`, "65535"},
		{[]string{"--query-port="}, nil, `--query-port is ""`, "off"},
		{[]string{"--node-port", "-1"}, nil, `--node-port is "-1"`, "off"},
		{nil, environment{"REGISTRY_HTTP_PORT": "tcp://10.0.0.1:80"}, "REGISTRY_HTTP_PORT is", "enableServiceLinks: false"},
		{[]string{"--pod-port", "17890"}, nil, "--pod-port is 17890", "--query-port"},
		{nil, environment{"REGISTRY_QUERY_PORT": "17893"}, "--http-port is 17893", "--query-port"},
		{[]string{"--query-port=off", "--node-port=off", "--pod-port=off"}, nil, "--query-port, --node-port and --pod-port", "nothing would be served"},
		{[]string{"--host", "10.0.0.1:80"}, nil, `--host is "10.0.0.1:80"`, "without a port"},
		{[]string{"--host", "1.2.3.400"}, nil, `--host is "1.2.3.400"`, "an address or a host name"},
		{[]string{"--host="}, nil, `--host is ""`, "an address"},
		{[]string{"--host", "a b"}, nil, `--host is "a b"`, "host name"},
		{nil, environment{"POD_IP": "not/an/ip"}, "POD_IP is", "an address"},
		{[]string{"--host", "0.0.0.0"}, nil, "--advertise-host must be set", "0.0.0.0"},
		{nil, environment{"POD_IP": "::"}, "--advertise-host must be set", "::"},
		{[]string{"--admin-host", "10.0.0.1"}, nil, `--admin-host is "10.0.0.1"`, "token"},
		{[]string{"--lease-ttl", "95"}, nil, `--lease-ttl is "95"`, "95s"},
		{[]string{"--lease-ttl", "0s"}, nil, `--lease-ttl is 0s`, "between 1s and 24h"},
		{nil, environment{"REGISTRY_TOMBSTONE": "1ms"}, `REGISTRY_TOMBSTONE is 1ms`, "0 or between"},
		{[]string{"--clean-after", "10s"}, nil, `--clean-after is 10s`, "lease time"},
		{[]string{"--max-connections", "many"}, nil, `--max-connections is "many"`, "whole number"},
		{[]string{"--registration-rate", "-1"}, nil, `--registration-rate is "-1"`, "whole number from 0"},
		{[]string{"--no-migrate=perhaps"}, nil, `--no-migrate is "perhaps"`, "true or false"},
		{[]string{"--require-token"}, nil, "--require-token", "TARS_TOKEN"},
		{[]string{"--token", "a", "--token-file", "b"}, nil, "--token and --token-file", "only one"},
		{nil, environment{"TARS_TOKEN": "a", "REGISTRY_TOKEN_FILE": "b"}, "TARS_TOKEN and REGISTRY_TOKEN_FILE", "only one"},
		{[]string{"--token-file", "/no/such/file"}, nil, "--token-file", "no such file"},
		{[]string{"--token-file", empty}, nil, "--token-file", "no token"},
		{[]string{"--token-file", long}, nil, "--token-file", "256"},
		{nil, environment{"TARS_TOKEN": "a b"}, "TARS_TOKEN", "visible ASCII"},
		{[]string{"--node-allow", "10.0.0.0/8,everything"}, nil, "--node-allow", `"everything"`},
		{[]string{"--log-level", "loud"}, nil, `--log-level is "loud"`, "debug, info, warn or error"},
		{nil, environment{"REGISTRY_LOG_FORMAT": "xml"}, `REGISTRY_LOG_FORMAT is "xml"`, "text or json"},
		{[]string{"--data-dir="}, nil, "--data-dir", "empty"},
		{[]string{"--config", "/no/such.conf"}, nil, "--config /no/such.conf", "no such file"},
		{[]string{"--host", "a\nb" + strings.Repeat("x", 1000)}, nil, `--host is "a\nb`, "..."},
	}
	for _, test := range tests {
		_, err := load(t, test.env, test.args...)
		checkError(t, err, test.want, test.rule)
	}
}

func checkError(t *testing.T, err error, prefix, rule string) {
	t.Helper()
	if wrong := (*Error)(nil); !errors.As(err, &wrong) {
		t.Errorf("got %v, want an *Error that begins with %s", err, prefix)
		return
	}
	if text := err.Error(); !strings.HasPrefix(text, prefix) || !strings.Contains(text, rule) || strings.Contains(text, "\n") {
		t.Errorf("got %s\nwant one line that begins with %s and says %s", text, prefix, rule)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
