package random

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// flow is what an operator does by the HTTP API.
func (h *house) flow(s *slot, on bool) {
	word, by := "off", "operator"
	if on {
		word, by = "on", ""
	}
	at, done := h.change(h.random, "flow "+word, func(site *site) error {
		_, err := site.call(h.ctx, http.MethodPut, instancePath(s)+"/flow", fmt.Sprintf(`{"flow":%q,"reason":"test"}`, word))
		return err
	})
	if !done {
		return
	}
	before := s.flowOffBy
	s.flowOffBy = by
	switch {
	case before == by:
	case s.identity.kind == "" && s.alive:
		h.mustCome(at, s) // its last report may have been taken for a repetition
	default:
		h.mustShow(at, s)
	}
}

// deregister ends an instance; its pod is told at its next heartbeat.
func (h *house) deregister(s *slot) {
	tried := false
	at, done := h.change(h.random, "deregister", func(site *site) error {
		code, err := site.call(h.ctx, http.MethodDelete, instancePath(s)+"?reason=test", "")
		if code == http.StatusNotFound && tried {
			return nil // the attempt before was carried out
		}
		tried = true
		return err
	})
	if !done {
		return
	}
	s.gone()
	h.mustShow(at, s)
}

func instancePath(s *slot) string {
	return "/api/v1/instances/" + application + "/" + s.server + "/" + s.node
}

// call makes a call of the API. It is carried out when the world ends meanwhile.
func (s *site) call(ctx context.Context, method, path, body string) (code int, err error) {
	_, code, err = s.get(context.WithoutCancel(ctx), method, path, body)
	return code, err
}

func (s *site) get(ctx context.Context, method, path, body string) (answer []byte, code int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addresses.HTTP+path, strings.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer, response.StatusCode, err
}

// edit is what TarsWeb writes into a pod's row: it holds until the next
// registration (R4), as far as pods speak of it.
func (h *house) edit(s *slot) {
	setting, bak := []string{"active", "inactive"}[h.random.IntN(2)], h.random.IntN(2)
	h.write("edit", "UPDATE t_server_conf SET setting_state = ?, bak_flag = ?, registry_timestamp = "+h.stamp()+
		" WHERE application = ? AND server_name = ? AND node_name = ?", setting, bak, application, s.server, s.node)
	s.setting, s.bak = setting, bak
}

// deleteRows deletes a live pod's rows as somebody with a SQL client does, and
// waits until its heartbeats have brought them back (R13).
func (h *house) deleteRows(s *slot) {
	if h.slots[0] == s && h.random.IntN(2) == 0 {
		h.write("delete adapters", "DELETE FROM t_adapter_conf WHERE application = ? AND server_name = ? AND node_name = ?", application, s.server, s.node)
	} else {
		h.write("delete rows", "DELETE FROM t_server_conf WHERE application = ? AND server_name = ? AND node_name = ?", application, s.server, s.node)
		h.write("delete rows", "DELETE FROM t_adapter_conf WHERE application = ? AND server_name = ? AND node_name = ?", application, s.server, s.node)
		s.restored()
	}
	deadline := time.Now().Add(patience)
	for {
		via := h.sites[h.random.IntN(len(h.sites))]
		s.sequence++
		_ = via.ask(func(site *site) error { return h.say(site, s, s.state) }) // faults are about
		found, err := rows(h.tarsweb, "SELECT adapter_name FROM t_adapter_conf WHERE application = ? AND server_name = ? AND node_name = ?"+
			" UNION SELECT 'server' FROM t_server_conf WHERE application = ? AND server_name = ? AND node_name = ?",
			application, s.server, s.node, application, s.server, s.node)
		if err == nil && len(found) == 1+len(s.registration.Adapters) {
			return
		}
		if time.Now().After(deadline) {
			h.wrong("deleted rows of %s, whose pod beats, are not back after %s: %q, %v", s.key(), patience, found, err)
			return
		}
		time.Sleep(beatInterval)
	}
}

// stamp is what TarsWeb sets registry_timestamp to: seconds of a time zone of its
// own, which is ahead of the database's in one half of the runs.
func (w *world) stamp() string {
	if w.seed%2 == 0 {
		return "DATE_FORMAT(NOW() + INTERVAL 8 HOUR, '%Y-%m-%d %H:%i:%s')"
	}
	return "DATE_FORMAT(NOW() - INTERVAL 8 HOUR, '%Y-%m-%d %H:%i:%s')"
}

// write has a statement carried out, whatever happens to the database meanwhile.
// It can be carried out twice.
func (w *world) write(what, statement string, args ...any) {
	deadline := time.Now().Add(patience)
	for {
		err := w.execute(statement, args...)
		if err == nil {
			w.did(what)
			return
		}
		if time.Now().After(deadline) {
			w.wrong("%s: %v", statement, err)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (w *world) execute(statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := w.tarsweb.ExecContext(ctx, statement, args...)
	return err
}

// rows gives the rows of a query, columns joined by a bar.
func rows(db *sql.DB, query string, args ...any) (list []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	found, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]any, len(values))
		for i, value := range values {
			row[i] = value.String
		}
		list = append(list, line(row...))
	}
	return list, found.Err()
}
