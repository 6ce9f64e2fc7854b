package random

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// atRest is how long it may take until silent pods have expired and everybody knows
// everything: two sweeps and a lease time, and what protection adds. Time is not
// what is tested; that it comes to an end is.
const atRest = 2 * time.Minute

// rest compares the model, the tables and what the replicas answer.
func (w *world) rest(fleet []*house) {
	w.t.Helper()
	for _, h := range fleet {
		h.retire()
	}
	replica.Eventually(w.t, atRest, "the tables are what the model says", func() error { return w.compareTables(fleet) })
	replica.Eventually(w.t, atRest, "the replicas answer what the tables say", w.comparePictures)
	if err := w.compareTables(fleet); err != nil {
		w.wrong("a moment later: %v", err)
	}
	w.judgeExpiries()
}

// retire decides what becomes of the silent: an old pod's lease lasts for minutes
// before its rhythm is known (R17), so it speaks once more.
func (h *house) retire() {
	for _, s := range h.slots {
		s.mu.Lock()
		if s.registered && !s.alive && (h.kind == "" || h.random.IntN(2) == 0) {
			h.report(s, s.state)
		}
		s.mu.Unlock()
	}
}

func (w *world) compareTables(fleet []*house) error {
	var servers, adapters, nodes []string
	for _, h := range fleet {
		present := "inactive"
		for _, s := range h.slots {
			s.mu.Lock()
			if s.registered {
				servers = append(servers, s.serverRow())
				adapters = append(adapters, s.adapterRows()...)
			}
			if s.registered && s.present() != "inactive" {
				present = "active"
			}
			s.mu.Unlock()
		}
		nodes = append(nodes, line(h.node, present))
	}
	return errors.Join(
		w.compare("t_server_conf", servers, `SELECT application, server_name, node_name, setting_state, present_state,
			patch_version, enable_set, COALESCE(set_name, ''), COALESCE(set_area, ''), COALESCE(set_group, ''),
			template_name, server_type, flow_state, bak_flag FROM t_server_conf WHERE application = 'Random'`),
		w.compare("t_adapter_conf", adapters, `SELECT application, server_name, node_name, adapter_name, servant,
			endpoint, protocol, thread_num, max_connections, queuecap, queuetimeout FROM t_adapter_conf WHERE application = 'Random'`),
		w.compareNodes(nodes),
	)
}

// compareNodes leaves out a house where nobody ever registered.
func (w *world) compareNodes(want []string) error {
	got, err := rows(w.tarsweb, "SELECT node_name, present_state FROM t_node_info WHERE node_name LIKE '10.7.%'")
	if err != nil {
		return err
	}
	var odd []string
	for _, row := range got {
		if !slices.Contains(want, row) {
			odd = append(odd, row)
		}
	}
	if len(odd) > 0 {
		return fmt.Errorf("t_node_info: wrong are %q", odd)
	}
	return nil
}

func (w *world) compare(table string, want []string, query string) error {
	got, err := rows(w.tarsweb, query)
	if err != nil {
		return err
	}
	return difference(table, got, want)
}

// difference tells what one list has and the other has not.
func difference(name string, got, want []string) error {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return nil
	}
	rest := func(list, other []string) (rest []string) {
		for _, row := range list {
			if _, found := slices.BinarySearch(other, row); !found {
				rest = append(rest, row)
			}
		}
		return rest
	}
	missing, extra := rest(want, got), rest(got, want)
	const most = 6
	return fmt.Errorf("%s: %d, want %d; %d are missing:\n  %s\n%d should not be there:\n  %s", name, len(got), len(want),
		len(missing), strings.Join(missing[:min(most, len(missing))], "\n  "), len(extra), strings.Join(extra[:min(most, len(extra))], "\n  "))
}

// judgeExpiries: who had a heartbeat answered less than a lease time before has not
// expired.
func (w *world) judgeExpiries() {
	w.t.Helper()
	expired, err := rows(w.tarsweb, `SELECT CONCAT(application, '.', server_name, '@', node_name), TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created), reason, replica
		FROM t_registry_event WHERE kind = 'expired' ORDER BY created`)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range expired {
		w.did("expired")
		parts := strings.Split(row, "|")
		var micros int64
		if _, err := fmt.Sscan(parts[1], &micros); err != nil {
			w.t.Fatal(err)
		}
		at := time.UnixMicro(micros)
		if b, alive := w.evidence.alive(parts[0], at); alive {
			w.wrong("%s was expired at %.2f s by %s (%s), though replica %d had answered a heartbeat %.2f s before",
				parts[0], at.Sub(w.began).Seconds(), parts[3], parts[2], b.site, at.Sub(b.sent).Seconds())
		}
		if strings.HasPrefix(parts[0], "Anchor.") {
			w.wrong("anchor %s was expired at %.2f s: %s", parts[0], at.Sub(w.began).Seconds(), parts[2])
		}
	}
}
