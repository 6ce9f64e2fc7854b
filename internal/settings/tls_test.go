package settings

import (
	"crypto/tls"
	"log/slog"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/certificates/certificatetest"
)

func TestTLS(t *testing.T) {
	cert, key, authority := certificatetest.New(t).Files(t, "registry")
	s, err := load(t, environment{"REGISTRY_TLS_KEY": key}, "--tls-cert", cert, "--tls-client-ca", authority, "--tls-servants", "query, POD")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.TLS.Apply(&s.Options, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	o := s.Options
	if o.Node.TLS != nil || o.Admin.TLS != nil {
		t.Error("what was not asked for has TLS")
	}
	for name, test := range map[string]struct {
		config *tls.Config
		auth   tls.ClientAuthType
	}{
		"query": {o.Query.TLS, tls.RequireAndVerifyClientCert},
		"pod":   {o.Pod.TLS, tls.RequireAndVerifyClientCert},
		"http":  {o.HTTP.TLS, tls.VerifyClientCertIfGiven},
	} {
		if test.config == nil {
			t.Errorf("%s has no TLS", name)
			continue
		}
		config, err := test.config.GetConfigForClient(nil)
		if err != nil || config.ClientAuth != test.auth || len(config.Certificates) != 1 {
			t.Errorf("%s: %+v, %v", name, config, err)
		}
	}
}

func TestNoTLS(t *testing.T) {
	s, err := load(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.TLS.Apply(&s.Options, nil); err != nil || s.Options.HTTP.TLS != nil {
		t.Errorf("%v, %v", s.Options.HTTP.TLS, err)
	}
}

func TestBadTLS(t *testing.T) {
	cert, key, _ := certificatetest.New(t).Files(t, "registry")
	_, other, _ := certificatetest.New(t).Files(t, "other")
	for _, test := range []struct {
		args       []string
		want, rule string
	}{
		{[]string{"--tls-cert", cert}, "--tls-cert", "--tls-key"},
		{[]string{"--tls-key", key}, "--tls-key", "--tls-cert"},
		{[]string{"--tls-client-ca", cert}, "--tls-client-ca", "--tls-cert"},
		{[]string{"--tls-servants", "query"}, "--tls-servants", "--tls-cert"},
		{[]string{"--tls-cert", cert, "--tls-key", other}, "--tls-cert cannot be used", "private key does not match"},
		{[]string{"--tls-cert", "/none", "--tls-key", key}, "--tls-cert cannot be used", "no such file"},
		{[]string{"--tls-cert", cert, "--tls-key", key, "--tls-servants", "all"}, `--tls-servants has "all"`, "query, node and pod"},
	} {
		_, err := load(t, nil, test.args...)
		checkError(t, err, test.want, test.rule)
	}
}
