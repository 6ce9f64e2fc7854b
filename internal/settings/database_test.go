package settings

import (
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/pflag"
)

func TestDatabaseIsChosen(t *testing.T) {
	parts := environment{"DB_HOST": "db", "DB_PORT": "3307", "DB_USER": "u", "DB_PASS": "p@ss/w:rd", "DB_NAME": "tars"}
	tests := []struct {
		name string
		env  environment
		args []string
		want string
	}{
		{"none", nil, nil, ""},
		{"host alone", environment{"DB_HOST": "10.0.0.1"}, nil, "root@tcp(10.0.0.1:3306)/db_tars"},
		{"all parts", parts, nil, "u:p@ss/w:rd@tcp(db:3307)/tars"},
		{"from files that end in a line break", environment{"DB_HOST": "h\n", "DB_USER": "u\n", "DB_PASS": " p \n"}, nil, "u: p @tcp(h:3306)/db_tars"},
		{"IPv6", environment{"DB_HOST": "[fd00::1]"}, nil, "root@tcp([fd00::1]:3306)/db_tars"},
		{"DB_DSN before parts", environment{"DB_HOST": "x", "DB_DSN": "a@tcp(b:1)/c"}, nil, "a@tcp(b:1)/c"},
		{"flag before DB_DSN", environment{"DB_DSN": "a@tcp(b:1)/c"}, []string{"--dsn", "d:e@unix(/f)/g?tls=true"}, "d:e@unix(/f)/g?tls=true"},
		{"an empty flag is the embedded one", parts, []string{"--dsn="}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := mustLoad(t, test.env, test.args...).DSN; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestBadDatabase(t *testing.T) {
	const password = "hunter2"
	tests := []struct {
		env  environment
		want string
		rule string
	}{
		{environment{"DB_DSN": "root:hunter2@127.0.0.1:3306/db"}, "DB_DSN cannot be read", "tcp(host:port)"},
		{environment{"DB_DSN": "root:hunter2"}, "DB_DSN cannot be read", "tcp(host:port)"},
		{environment{"DB_DSN": "root:hunter2@tcp(h:1)"}, "DB_DSN cannot be read", "tcp(host:port)"},
		{environment{"DB_DSN": "root:hunter2@tcp(h:1)/"}, "DB_DSN names no database", "db_tars"},
		{environment{"DB_DSN": "root:hunter2@pipe(h)/db"}, "DB_DSN has a network", "unix(socket)"},
		{environment{"DB_DSN": "root:hunter2@tcp(h:1)/db?timeout=hunter2"}, "DB_DSN cannot be read (parameter timeout)", "value"},
		{environment{"DB_DSN": "root:x@tcp(h:1)/db?tls=hunter2"}, "DB_DSN cannot be read", "value"},
		{environment{"DB_DSN": "root:a?b)/hunter2?hunter2=c@tcp(h:1)/d?timeout=x"}, "DB_DSN cannot be read (parameter timeout)", ""},
		{environment{"DB_PASS": "hunter2"}, "DB_PASS is set and DB_HOST is not", "embedded"},
		{environment{"DB_HOST": "h", "DB_PORT": "0"}, `DB_PORT is "0"`, "1 to 65535"},
		{environment{"DB_HOST": "h", "DB_PORT": "tcp://10.0.0.1:3306"}, `DB_PORT is`, "1 to 65535"},
		{environment{"DB_HOST": "h:3306"}, `DB_HOST is "h:3306"`, "without a port"},
		{environment{"DB_HOST": "h", "DB_USER": "a:b", "DB_PASS": "hunter2"}, "DB_USER", "DB_DSN"},
	}
	for _, test := range tests {
		_, err := load(t, test.env)
		checkError(t, err, test.want, test.rule)
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the password is in %q", err)
		}
	}
}

func TestLoadDatabase(t *testing.T) {
	flags := pflag.NewFlagSet("migrate", pflag.ContinueOnError)
	DefineDatabase(flags)
	if err := flags.Parse([]string{"--data-dir", "/d"}); err != nil {
		t.Fatal(err)
	}
	got, err := LoadDatabase(flags, environment{"DB_HOST": "h"}.get)
	if want := (Database{DSN: "root@tcp(h:3306)/db_tars", DataDir: "/d"}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if flags.Lookup("query-port") != nil {
		t.Error("migrate has --query-port")
	}
}

func TestDescribeDatabase(t *testing.T) {
	for dsn, want := range map[string]string{
		"":                                     "",
		"u:secret@tcp(h:1)/d?timeout=1s":       "u@tcp(h:1)/d",
		"tcp(h)/d":                             "tcp(h:3306)/d",
		"u:sec/r@t@unix(/run/mysqld.sock)/d":   "u@unix(/run/mysqld.sock)/d",
		"u:secret@tcp(h:1)/d?tls=unknown-name": "a database whose DSN cannot be read",
	} {
		if got := DescribeDatabase(dsn); got != want {
			t.Errorf("%q: got %q, want %q", dsn, got, want)
		}
	}
}

// FuzzDSN: no DSN is accepted that the driver refuses, and a message never
// holds the part of a refused one where passwords stand.
func FuzzDSN(f *testing.F) {
	f.Add("root", "pa)ss/w?rd@x", "tcp(h:1)", "db?timeout=x")
	f.Add("a:b", "c", "unix(/x)", "db")
	f.Fuzz(func(t *testing.T, user, password, address, rest string) {
		dsn := user + ":#" + password + "#@" + address + "/" + rest
		_, err := load(t, environment{"DB_DSN": dsn})
		if err == nil {
			if _, err := mysql.ParseDSN(dsn); err != nil {
				t.Errorf("%q was accepted: %v", dsn, err)
			}
			return
		}
		if strings.Contains(err.Error(), "#") {
			t.Errorf("%q: the password is in %q", dsn, err)
		}
	})
}

// FuzzDSNFromParts: what is accepted reaches the driver as it was given.
func FuzzDSNFromParts(f *testing.F) {
	f.Add("db.example", "root", "p@s:s/w(or)d?", "db_tars")
	f.Fuzz(func(t *testing.T, host, user, password, name string) {
		s, err := load(t, environment{"DB_HOST": host, "DB_USER": user, "DB_PASS": password, "DB_NAME": name})
		if err != nil || s.Options.DSN == "" {
			return
		}
		user, name, password = strings.TrimSpace(user), strings.TrimSpace(name), strings.TrimRight(password, "\r\n")
		config, err := mysql.ParseDSN(s.Options.DSN)
		if err != nil {
			t.Fatalf("%q: %v", s.Options.DSN, err)
		}
		if config.Passwd != password || user != "" && config.User != user || name != "" && config.DBName != name {
			t.Errorf("%q %q %q came out as %q %q %q", user, password, name, config.User, config.Passwd, config.DBName)
		}
	})
}
