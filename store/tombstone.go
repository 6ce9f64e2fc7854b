package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// endpointKey is what a tombstone is found by: protocol, host, port and timeout
// (R25). "" for an endpoint that does not parse: it was never handed out.
func endpointKey(endpoint string) string {
	parsed, err := naming.ParseEndpoint(endpoint)
	if err != nil {
		return ""
	}
	return strings.Join([]string{
		parsed.Transport.String(), naming.Fold(parsed.Host),
		strconv.Itoa(int(parsed.Port)), strconv.Itoa(int(parsed.Timeout)),
	}, " ")
}

// tombstones makes one for every endpoint that clients were handed and that is no
// more, and removes those whose endpoint is there again.
func (w *writing) tombstones() error {
	if w.store.config.Tombstone <= 0 {
		return nil
	}
	standing := map[string]bool{}
	var arrived []string
	for _, row := range w.rows {
		known := map[string]bool{}
		if row.base.Server != nil && !row.registered {
			known = endpointKeys(row.base.Adapters)
		}
		for key := range endpointKeys(row.now.Adapters) {
			if !known[key] && !standing[key] {
				arrived = append(arrived, key)
			}
			standing[key] = true
		}
	}
	if err := w.dig(standing); err != nil {
		return err
	}
	return w.unbury(arrived)
}

func endpointKeys(adapters []naming.Adapter) map[string]bool {
	keys := make(map[string]bool, len(adapters))
	for _, adapter := range adapters {
		if key := endpointKey(adapter.Endpoint); key != "" {
			keys[key] = true
		}
	}
	return keys
}

func tombstoneColumnNames() []string {
	return []string{
		"application", "server_name", "node_name", "adapter_name", "servant", "endpoint", "protocol", "endpoint_key",
		"server", "created",
	}
}

// dig makes the tombstones of this transaction; standing are the endpoints that
// its instances have now.
func (w *writing) dig(standing map[string]bool) error {
	rows := newInsert("t_registry_tombstone", tombstoneColumnNames())
	var keys []string
	for _, row := range w.rows {
		if row.base.Server == nil {
			continue
		}
		now := endpointKeys(row.now.Adapters)
		for _, adapter := range row.base.Adapters {
			key := endpointKey(adapter.Endpoint)
			if key == "" || now[key] || standing[key] {
				continue
			}
			server, err := encodeServer(row.base.Server)
			if err != nil {
				return err
			}
			name := row.base.Key
			rows.row(trimmed(name.Application), trimmed(name.Server), trimmed(name.Node), adapter.Name,
				adapter.Servant, adapter.Endpoint, adapter.Protocol, key, server, expression(w.store.dialect.now))
			keys = append(keys, key)
		}
	}
	if rows.rows == 0 {
		return nil
	}
	if err := w.insert("tombstone_insert", rows, ""); err != nil {
		return err
	}
	these, args := oneOf("t.endpoint_key", keys)
	return w.store.readTombstones(w.ctx, w.tx, "WHERE "+these, args, func(found naming.Tombstone) {
		w.commit.Tombstones = append(w.commit.Tombstones, found)
	})
}

// unbury removes the tombstones of endpoints that registered.
func (w *writing) unbury(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	var ids []int64
	these, args := oneOf("t.endpoint_key", keys)
	query := "SELECT t.id FROM t_registry_tombstone t WHERE " + these
	err := w.store.each(w.ctx, w.tx, "tombstones_of_endpoints", query, args, func(cells *scanner) {
		ids = append(ids, cells.int())
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	return w.exec("tombstone_delete", "DELETE FROM t_registry_tombstone WHERE id IN ("+idList(ids)+")")
}

const tombstoneColumns = "t.id, t.application, t.server_name, t.node_name, t.adapter_name, t.servant, t.endpoint, t.protocol, t.server, "

// readTombstones reads those that a condition holds for, the oldest first.
func (s *Store) readTombstones(ctx context.Context, on runner, condition string, args []any, visit func(naming.Tombstone)) error {
	query := "SELECT " + tombstoneColumns + s.dialect.age("t.created") + " FROM t_registry_tombstone t " + condition + " ORDER BY t.id"
	return s.each(ctx, on, "tombstones", query, args, func(row *scanner) {
		tombstone := naming.Tombstone{ID: row.int(), Key: scanKey(row)}
		tombstone.Adapter = naming.Adapter{Name: row.text(), Servant: row.name(), Endpoint: row.text(), Protocol: row.name()}
		tombstone.Server = decodeServer(row.text())
		tombstone.AgeMS = row.micros().Milliseconds()
		visit(tombstone)
	})
}

// storedServer is what a tombstone keeps of the server row: what look-ups choose
// by. Add, never change.
type storedServer struct {
	BakFlag     int32  `json:"bakFlag,omitempty"`
	EnableSet   bool   `json:"enableSet,omitempty"`
	SetName     string `json:"setName,omitempty"`
	SetArea     string `json:"setArea,omitempty"`
	SetGroup    string `json:"setGroup,omitempty"`
	EnableGroup bool   `json:"enableGroup,omitempty"`
	IPGroupName string `json:"ipGroupName,omitempty"`
}

func encodeServer(s *naming.Server) (string, error) {
	text, err := json.Marshal(storedServer{
		s.BakFlag, s.EnableSet, s.SetName, s.SetArea, s.SetGroup, s.EnableGroup, s.IPGroupName,
	})
	return string(text), err
}

func decodeServer(text string) naming.Server {
	var s storedServer
	if json.Unmarshal([]byte(text), &s) != nil {
		return naming.Server{}
	}
	return naming.Server{
		SettingState: naming.Active, PresentState: naming.Inactive,
		BakFlag: s.BakFlag, EnableSet: s.EnableSet, SetName: s.SetName, SetArea: s.SetArea, SetGroup: s.SetGroup,
		EnableGroup: s.EnableGroup, IPGroupName: s.IPGroupName,
	}
}
