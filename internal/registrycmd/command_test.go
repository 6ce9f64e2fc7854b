package registrycmd

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// runCommand runs a command line that does not serve.
func runCommand(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(Process{
		Args:   args,
		Getenv: func(name string) string { return env[name] },
		Stdout: &out, Stderr: &errs,
		Signals: make(chan os.Signal),
	})
	return code, out.String(), errs.String()
}

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		args []string
		env  map[string]string
		want string
	}{
		{[]string{"serv"}, nil, `unknown command "serv" for registry; did you mean serve?`},
		{[]string{"serve", "now"}, nil, `unknown command "now" for registry serve`},
		{[]string{"--query-prot", "1"}, nil, "unknown flag: --query-prot"},
		{[]string{"-psecret"}, nil, "unknown flag: -p;"},
		{[]string{"--query-port"}, nil, "flag needs an argument: --query-port"},
		{[]string{"--query-port", "x"}, nil, `--query-port is "x"`},
		{[]string{"serve"}, map[string]string{"REGISTRY_LEASE_TTL": "soon"}, `REGISTRY_LEASE_TTL is "soon"`},
		{[]string{"migrate"}, nil, "migrate wants up or status"},
		{[]string{"migrate", "down"}, nil, `unknown command "down"`},
		{[]string{"migrate", "up", "--query-port=1"}, nil, "unknown flag: --query-port"},
		{[]string{"migrate", "status", "--dsn", "root:secret@nowhere"}, nil, "--dsn cannot be read"},
		{[]string{"version", "now"}, nil, `unknown command "now"`},
	}
	for _, test := range tests {
		code, stdout, stderr := runCommand(t, test.env, test.args...)
		if code != exitUsage || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: code %d, %q; want %d and %s", test.args, code, stderr, exitUsage, test.want)
		}
		if strings.Count(stderr, "\n") != 1 || stdout != "" || strings.Contains(stderr, "secret") {
			t.Errorf("%q: %q %q is not one line without secrets", test.args, stderr, stdout)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"--help"}, []string{"migrate", "completion", "--query-port PORT", "REGISTRY_QUERY_PORT", "17890", "Examples:"}},
		{[]string{"serve", "--help"}, []string{"--dsn DSN", "DB_DSN", "registry --config"}},
		{[]string{"help", "migrate", "up"}, []string{"--dsn DSN", "--data-dir DIR", "registry migrate up --dsn"}},
		{[]string{"migrate", "--help"}, []string{"status", "up"}},
		{[]string{"version"}, []string{"registry ", "go1."}},
		{[]string{"--version"}, []string{"registry "}},
		{[]string{"completion", "bash"}, []string{"__start_registry"}},
		{[]string{"__complete", "--log-level", ""}, []string{"debug\ninfo\nwarn\nerror\n"}},
	} {
		code, stdout, stderr := runCommand(t, nil, test.args...)
		if code != exitOK {
			t.Errorf("%q: code %d, %s", test.args, code, stderr)
		}
		for _, want := range test.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q lacks %q:\n%s", test.args, want, stdout)
			}
		}
	}
}

func TestDoctorCommand(t *testing.T) {
	ports := []string{"--query-port=0", "--node-port=0", "--pod-port=0", "--http-port=0", "--admin-port=0"}
	arguments := append([]string{"doctor", "--data-dir", t.TempDir()}, ports...)
	code, stdout, stderr := runCommand(t, nil, arguments...)
	if code != exitOK || !strings.Contains(stdout, "ok       data folder") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	arguments = append(arguments, "--dsn", "root:secret@tcp(127.0.0.1:1)/d")
	code, stdout, stderr = runCommand(t, nil, arguments...)
	if code != exitFailed || !strings.Contains(stdout, "PROBLEM  database: root@tcp(127.0.0.1:1)/d") || strings.Contains(stdout+stderr, "secret") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
}
