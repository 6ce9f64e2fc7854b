package settings

import (
	"crypto/tls"
	"log/slog"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/certificates"
	"github.com/tarsregistry/tarsregistry/registry"
)

// TLS says where connections are encrypted; the zero value is nowhere.
type TLS struct {
	Files            certificates.Files
	Query, Node, Pod bool // besides HTTP
}

// Apply opens the files and gives the options' listeners their TLS. Client
// certificates, where there is an authority for them, are demanded on servants
// and optional on HTTP, since probes have none.
func (t TLS) Apply(o *registry.Options, logger *slog.Logger) error {
	if t.Files.Cert == "" {
		return nil
	}
	source, err := certificates.Open(t.Files, logger)
	if err != nil {
		return invalid("--tls-cert", "cannot be used: %v", err)
	}
	o.HTTP.TLS = source.Config(tls.VerifyClientCertIfGiven)
	for listener, on := range map[*registry.Listener]bool{&o.Query: t.Query, &o.Node: t.Node, &o.Pod: t.Pod} {
		if on {
			listener.TLS = source.Config(tls.RequireAndVerifyClientCert)
		}
	}
	return nil
}

// tls reads and checks the settings of TLS; the files are tried at once.
func (r *reader) tls() TLS {
	cert, key, authority := r.find("tls-cert"), r.find("tls-key"), r.find("tls-client-ca")
	servants := r.find("tls-servants")
	t := TLS{Files: certificates.Files{Cert: cert.text, Key: key.text, ClientCA: authority.text}}
	switch {
	case cert.text != "" && key.text == "":
		r.fail(invalid(cert.name, "is given without --tls-key; both belong together"))
	case cert.text == "" && key.text != "":
		r.fail(invalid(key.name, "is given without --tls-cert; both belong together"))
	case cert.text == "" && authority.text != "":
		r.fail(invalid(authority.name, "wants --tls-cert and --tls-key"))
	case cert.text == "" && servants.text != "":
		r.fail(invalid(servants.name, "wants --tls-cert and --tls-key"))
	case cert.text != "":
		if _, err := certificates.Open(t.Files, slog.New(slog.DiscardHandler)); err != nil {
			r.fail(invalid(cert.name, "cannot be used: %v", err))
		}
	}
	if servants.text == "" {
		return t
	}
	for name := range strings.SplitSeq(servants.text, ",") {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "query":
			t.Query = true
		case "node":
			t.Node = true
		case "pod":
			t.Pod = true
		default:
			r.fail(invalid(servants.name, "has %s in it; it must be a list of query, node and pod", quote(name)))
		}
	}
	return t
}
