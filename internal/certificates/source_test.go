package certificates_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/certificates"
	"github.com/tarsregistry/tarsregistry/internal/certificates/certificatetest"
)

// handshake connects both sides and gives what the client saw and whether the
// server took it.
func handshake(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, err error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		accepted, err := listener.Accept()
		if err != nil {
			served <- err
			return
		}
		defer accepted.Close()
		conn := tls.Server(accepted, server)
		if err = conn.Handshake(); err == nil {
			_, err = conn.Write([]byte("x")) // the client reads the refusal of its certificate here
		}
		served <- err
	}()
	dialed, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	client = client.Clone()
	client.ServerName = "127.0.0.1"
	conn := tls.Client(dialed, client)
	if err = conn.Handshake(); err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	_ = dialed.Close()
	return conn.ConnectionState(), errors.Join(err, <-served)
}

func open(t *testing.T, files certificates.Files, log *bytes.Buffer) *certificates.Source {
	t.Helper()
	source, err := certificates.Open(files, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestClientCertificates(t *testing.T) {
	ours, others := certificatetest.New(t), certificatetest.New(t)
	cert, key, authority := ours.Files(t, "registry")
	strange := others.Client(t, "stranger")
	strange.RootCAs = ours.Client(t, "").RootCAs
	tests := []struct {
		name     string
		clientCA string
		auth     tls.ClientAuthType
		client   *tls.Config
		ok       bool
	}{
		{"none asked for", "", tls.RequireAndVerifyClientCert, ours.Client(t, ""), true},
		{"demanded and shown", authority, tls.RequireAndVerifyClientCert, ours.Client(t, "pod"), true},
		{"demanded and not shown", authority, tls.RequireAndVerifyClientCert, ours.Client(t, ""), false},
		{"demanded, and a stranger's", authority, tls.RequireAndVerifyClientCert, strange, false},
		{"optional and not shown", authority, tls.VerifyClientCertIfGiven, ours.Client(t, ""), true},
		{"optional, and a stranger's", authority, tls.VerifyClientCertIfGiven, strange, false},
		{"the client trusts another authority", "", tls.NoClientCert, others.Client(t, ""), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			source := open(t, certificates.Files{Cert: cert, Key: key, ClientCA: test.clientCA}, &log)
			if _, err := handshake(t, source.Config(test.auth), test.client); (err == nil) != test.ok {
				t.Errorf("handshake: %v", err)
			}
		})
	}
}

// TestReload: changed files are taken without a restart, broken ones are not.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authority := certificatetest.New(t)
		cert, key, _ := authority.Files(t, "first")
		var log bytes.Buffer
		source := open(t, certificates.Files{Cert: cert, Key: key}, &log)
		server, client := source.Config(tls.NoClientCert), authority.Client(t, "")
		named := func(want string) {
			t.Helper()
			state, err := handshake(t, server, client)
			if err != nil {
				t.Fatal(err)
			}
			if got := state.PeerCertificates[0].Subject.CommonName; got != want {
				t.Errorf("the certificate is %q, want %q", got, want)
			}
		}
		write := func(path string, text []byte) {
			t.Helper()
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			stamp := time.Now() // the bubble's clock, which files do not know
			if err := os.Chtimes(path, stamp, stamp); err != nil {
				t.Fatal(err)
			}
		}
		named("first")
		chain, private := authority.Issue(t, "second")
		write(cert, chain) // its key is not there yet
		time.Sleep(11 * time.Second)
		named("first")
		if !strings.Contains(log.String(), "cannot be used") {
			t.Errorf("the log says %s", &log)
		}
		write(key, private)
		named("first") // not looked at yet
		time.Sleep(11 * time.Second)
		named("second")
		if strings.Contains(log.String(), "PRIVATE") {
			t.Errorf("a key is in the log: %s", &log)
		}
	})
}

func TestOpenFails(t *testing.T) {
	authority := certificatetest.New(t)
	cert, key, _ := authority.Files(t, "a")
	_, other, _ := authority.Files(t, "b")
	for name, files := range map[string]certificates.Files{
		"no certificate":           {Cert: "/none", Key: key},
		"no key":                   {Cert: cert, Key: "/none"},
		"they do not fit":          {Cert: cert, Key: other},
		"no authority":             {Cert: cert, Key: key, ClientCA: "/none"},
		"nothing in the authority": {Cert: cert, Key: key, ClientCA: key},
	} {
		if _, err := certificates.Open(files, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
