package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Files are PEM files. ClientCA may be "": then clients are not asked for
// certificates.
type Files struct {
	Cert, Key string // the chain, the server's own certificate first, and its key
	ClientCA  string
}

// Source has what the files held when they were last sound. It is safe for
// concurrent use.
type Source struct {
	files  Files
	logger *slog.Logger

	mu      sync.Mutex
	loaded  loaded
	looked  time.Time // when the files were last looked at
	seen    [3]stamp  // of the files, as they were last read, sound or not
	configs map[tls.ClientAuthType]*tls.Config
}

type loaded struct {
	certificate tls.Certificate
	clients     *x509.CertPool
}

// stamp tells one state of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// look is how often the files are looked at, at most, when clients connect.
const look = 10 * time.Second

// Open reads the files. Changes that cannot be read later go to the logger, and
// leave what was in use.
func Open(files Files, logger *slog.Logger) (*Source, error) {
	s := &Source{files: files, logger: logger, looked: time.Now(), seen: stampsOf(files)}
	var err error
	if s.loaded, err = load(files); err != nil {
		return nil, err
	}
	s.configs = map[tls.ClientAuthType]*tls.Config{}
	return s, nil
}

// Config is for a listener: TLS 1.2 or newer. Without a ClientCA clients are not
// asked for certificates, whatever auth says.
func (s *Source) Config(auth tls.ClientAuthType) *tls.Config {
	if s.files.ClientCA == "" {
		auth = tls.NoClientCert
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return s.current(auth), nil
		},
	}
}

// current gives the configuration for one connection.
func (s *Source) current(auth tls.ClientAuthType) *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	if known := s.configs[auth]; known != nil {
		return known
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{s.loaded.certificate},
		ClientAuth:   auth, ClientCAs: s.loaded.clients,
		// A resumed session would not be checked against a changed ClientCA.
		SessionTicketsDisabled: auth != tls.NoClientCert,
	}
	s.configs[auth] = config
	return config
}

// refresh reads the files again where they have changed. A change that is not
// sound, such as a certificate whose key comes a moment later, is told once and
// tried again when the files change further.
func (s *Source) refresh() {
	if time.Since(s.looked) < look {
		return
	}
	s.looked = time.Now()
	now := stampsOf(s.files)
	if now == s.seen {
		return
	}
	s.seen = now
	fresh, err := load(s.files)
	if err != nil {
		s.logger.Error("the certificate was changed and cannot be used; the one before stays in use", slog.Any("error", err))
		return
	}
	s.loaded = fresh
	clear(s.configs)
	s.logger.Info("took a changed certificate", slog.Time("expires", fresh.certificate.Leaf.NotAfter))
}

func stampsOf(files Files) [3]stamp {
	var stamps [3]stamp
	for i, path := range []string{files.Cert, files.Key, files.ClientCA} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

// load reads the files. Errors name the file and hold nothing of a key.
func load(files Files) (loaded, error) {
	chain, err := os.ReadFile(files.Cert)
	if err != nil {
		return loaded{}, fmt.Errorf("read the certificate: %w", err)
	}
	key, err := os.ReadFile(files.Key)
	if err != nil {
		return loaded{}, fmt.Errorf("read the key: %w", err)
	}
	certificate, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return loaded{}, fmt.Errorf("certificate %s with key %s: %w", files.Cert, files.Key, err)
	}
	found := loaded{certificate: certificate}
	if files.ClientCA == "" {
		return found, nil
	}
	authorities, err := os.ReadFile(files.ClientCA)
	if err != nil {
		return loaded{}, fmt.Errorf("read the clients' authority: %w", err)
	}
	found.clients = x509.NewCertPool()
	if !found.clients.AppendCertsFromPEM(authorities) {
		return loaded{}, errors.New("the clients' authority: no certificate in " + files.ClientCA)
	}
	return found, nil
}
