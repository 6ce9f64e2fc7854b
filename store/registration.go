package store

import (
	"encoding/json"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// storedRegistration is how t_registry_lease.registration keeps what onStartup
// said. Its names are read by the versions before and after this one: add, never
// change.
type storedRegistration struct {
	Application  string          `json:"application"`
	Server       string          `json:"server"`
	Node         string          `json:"node"`
	SetID        string          `json:"setId,omitempty"`
	Adapters     []storedAdapter `json:"adapters,omitempty"`
	DisableFlow  bool            `json:"disableFlow,omitempty"`
	State        naming.State    `json:"state"`
	Version      string          `json:"version,omitempty"`
	TemplateName string          `json:"templateName,omitempty"`
	ServerType   string          `json:"serverType,omitempty"`
}

type storedAdapter struct {
	Name           string `json:"name"`
	Servant        string `json:"servant"`
	Endpoint       string `json:"endpoint"`
	Protocol       string `json:"protocol,omitempty"`
	ThreadNum      int32  `json:"threadNum,omitempty"`
	MaxConnections int32  `json:"maxConns,omitempty"`
	QueueCap       int32  `json:"queueCap,omitempty"`
	QueueTimeout   int32  `json:"queueTimeout,omitempty"`
}

func encodeRegistration(r *naming.Registration) (string, error) {
	if r == nil {
		return "", nil
	}
	stored := storedRegistration{
		Application: r.Key.Application, Server: r.Key.Server, Node: r.Key.Node,
		SetID: r.SetID, DisableFlow: r.DisableFlow, State: r.State, Version: r.Version,
		TemplateName: r.TemplateName, ServerType: r.ServerType,
		Adapters: make([]storedAdapter, len(r.Adapters)),
	}
	for i, a := range r.Adapters {
		stored.Adapters[i] = storedAdapter{
			Name: a.Name, Servant: a.Servant, Endpoint: a.Endpoint, Protocol: a.Protocol, ThreadNum: a.ThreadNum,
			MaxConnections: a.MaxConnections, QueueCap: a.QueueCap, QueueTimeout: a.QueueTimeout,
		}
	}
	text, err := json.Marshal(stored)
	return string(text), err
}

// decodeRegistration gives nil for what cannot be read: the lease then stands
// without a registration, and the instance has to register again.
func decodeRegistration(text string) *naming.Registration {
	var stored storedRegistration
	if text == "" || json.Unmarshal([]byte(text), &stored) != nil {
		return nil
	}
	r := &naming.Registration{
		Key:   naming.Key{Application: stored.Application, Server: stored.Server, Node: stored.Node},
		SetID: stored.SetID, DisableFlow: stored.DisableFlow, State: stored.State, Version: stored.Version,
		TemplateName: stored.TemplateName, ServerType: stored.ServerType,
		Adapters: make([]naming.Adapter, len(stored.Adapters)),
	}
	for i, a := range stored.Adapters {
		r.Adapters[i] = naming.Adapter{
			Name: a.Name, Servant: a.Servant, Endpoint: a.Endpoint, Protocol: a.Protocol, ThreadNum: a.ThreadNum,
			MaxConnections: a.MaxConnections, QueueCap: a.QueueCap, QueueTimeout: a.QueueTimeout,
		}
	}
	return r
}
