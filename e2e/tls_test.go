//go:build !race

package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/certificates/certificatetest"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// TestTLS: HTTP and the servants that were asked for speak TLS, a client
// certificate is demanded of the latter, and the key is nowhere to be seen.
func TestTLS(t *testing.T) {
	authority := certificatetest.New(t)
	cert, key, ca := authority.Files(t, "registry")
	p := serve(t, t.TempDir(), "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca, "--tls-servants", "query,pod")
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: authority.Client(t, "")}}
	defer web.CloseIdleConnections()
	response, err := web.Get("https://" + p.addresses.HTTP + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || response.TLS.PeerCertificates[0].Subject.CommonName != "registry" {
		t.Errorf("status %d, certificate of %s", response.StatusCode, response.TLS.PeerCertificates[0].Subject)
	}
	ping := func(address, transport string, config *tls.Config) error {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		dialer := &tarsclient.Dialer{TLS: config, Timeout: time.Minute}
		_, err = dialer.Invoke(t.Context(), transport+" -h "+host+" -p "+port,
			tarsclient.Request{Servant: "tars.tarsregistry.QueryObj", Function: "tars_ping"})
		return err
	}
	if err := ping(p.addresses.Query, "ssl", authority.Client(t, "a pod")); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if err := ping(p.addresses.Query, "ssl", authority.Client(t, "")); err == nil {
		t.Error("without a client certificate a call is answered")
	}
	if err := ping(p.addresses.Query, "ssl", certificatetest.New(t).Client(t, "a stranger")); err == nil {
		t.Error("a stranger's call is answered")
	}
	if err := ping(p.addresses.Query, "tcp", nil); err == nil {
		t.Error("a call in clear text is answered")
	}
	registries := getAll(t, web, "https://"+p.addresses.HTTP+"/api/v1/registries")
	if !strings.Contains(registries, "ssl -h 127.0.0.1") || !strings.Contains(registries, "tcp -h 127.0.0.1") {
		t.Errorf("the registries are %s", registries)
	}
	secret, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if line := strings.Split(string(secret), "\n")[1]; strings.Contains(p.Said(), line) {
		t.Error("the key is in the log")
	}
	p.stop(t)
}

func getAll(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return bodyOf(t, response)
}

// bodyOf reads an answer to its end.
func bodyOf(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
