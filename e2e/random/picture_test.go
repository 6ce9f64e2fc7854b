package random

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/tars"
)

// comparePictures asks every replica for everything and compares it with the
// tables, read by SQL and judged by the rules in their plainest form.
func (w *world) comparePictures() error {
	active, inactive, err := w.tabled()
	if err != nil {
		return err
	}
	var all error
	for _, s := range w.sites {
		all = errors.Join(all, s.compareWithTables(active, inactive), w.compareLeases(s))
	}
	return errors.Join(all, w.compareReplicas())
}

// tabled gives by object what look-ups must answer.
func (w *world) tabled() (active, inactive map[string][]string, err error) {
	found, err := rows(w.tarsweb, `SELECT a.servant, a.endpoint, s.setting_state, s.present_state, s.flow_state, s.bak_flag, s.enable_set,
			CONCAT_WS('.', s.set_name, s.set_area, s.set_group), a.node_name
		FROM t_adapter_conf a JOIN t_server_conf s USING (application, server_name, node_name)`)
	if err != nil {
		return nil, nil, err
	}
	active, inactive = map[string][]string{}, map[string][]string{}
	known := func(object string) { // perhaps with nobody
		for _, list := range []map[string][]string{active, inactive} {
			if _, there := list[object]; !there {
				list[object] = nil
			}
		}
	}
	for _, row := range found {
		c := strings.Split(row, "|")
		object, set := c[0], ""
		known(object)
		if c[6] == "Y" {
			set = c[7]
		}
		shown := line(hostPort(c[1]), c[5], set, c[8])
		switch {
		case c[5] == "1":
		case c[2] == "active" && c[3] == "active" && c[4] == "active":
			active[object] = append(active[object], shown)
		default:
			inactive[object] = append(inactive[object], shown)
		}
	}
	for server := range servers { // objects that may have nobody in the tables
		for _, object := range []string{"MainObj", "SideObj"} {
			known(fmt.Sprintf("%s.S%d.%s", application, server, object))
		}
	}
	return active, inactive, nil
}

// hostPort reads "tcp -h HOST -p PORT ...", as the test writes endpoints.
func hostPort(endpoint string) string {
	words := strings.Fields(endpoint)
	return net.JoinHostPort(words[2], words[4])
}

func (s *site) compareWithTables(active, inactive map[string][]string) error {
	shown := func(list []tars.EndpointF) (rows []string) {
		for i, address := range addressesOf(list) {
			rows = append(rows, line(address, list[i].BakFlag, list[i].SetId, list[i].NodeName))
		}
		return rows
	}
	var all error
	for object := range active {
		on, off, err := s.find(object)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("replica %d, %s, ", s.number, object)
		all = errors.Join(all, difference(name+"active", shown(on), active[object]), difference(name+"inactive", shown(off), inactive[object]))
	}
	return all
}

// compareLeases compares what the API shows of every instance with its lease.
func (w *world) compareLeases(s *site) error {
	want, err := rows(w.tarsweb, `SELECT CONCAT(l.application, '.', l.server_name, '@', l.node_name), l.revision, l.state, l.reported_state, s.present_state, s.setting_state
		FROM t_registry_lease l JOIN t_server_conf s USING (application, server_name, node_name)`)
	if err != nil {
		return err
	}
	answer, _, err := s.get(w.beats, http.MethodGet, "/api/v1/instances?limit=1000", "")
	if err != nil {
		return err
	}
	var page struct {
		Items []struct {
			Application, Server, Node, PresentState, SettingState string
			Lease                                                 *struct {
				State, Reported string
				Revision        int64
			}
		}
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return err
	}
	var got []string
	for _, i := range page.Items {
		if i.Lease != nil {
			got = append(got, line(i.Application+"."+i.Server+"@"+i.Node, i.Lease.Revision, i.Lease.State, i.Lease.Reported, i.PresentState, i.SettingState))
		}
	}
	return difference(fmt.Sprintf("replica %d, leases", s.number), got, want)
}

// compareReplicas: all answer the same to the same caller, in the same order,
// whatever way the rows came to them.
func (w *world) compareReplicas() error {
	questions := map[string]func(*site, string) (string, error){
		"4Any": func(s *site, object string) (string, error) {
			return answered(func(on, off *[]tars.EndpointF) (int32, error) { return s.query.FindObjectById4Any(object, on, off) })
		},
		"InSameGroup": func(s *site, object string) (string, error) {
			return answered(func(on, off *[]tars.EndpointF) (int32, error) {
				return s.query.FindObjectByIdInSameGroup(object, on, off, map[string]string{"node_name": "192.0.2.7"})
			})
		},
		"InSameSet": func(s *site, object string) (string, error) {
			return answered(func(on, off *[]tars.EndpointF) (int32, error) {
				return s.query.FindObjectByIdInSameSet(object, "gray.sz.1", on, off)
			})
		},
	}
	var objects []string
	for server := range servers {
		objects = append(objects, fmt.Sprintf("%s.S%d.MainObj", application, server), fmt.Sprintf("%s.S%d.SideObj", application, server))
	}
	objects = append(objects, webObject(0), webObject(1), anchorObject(0))
	for name, ask := range questions {
		for _, object := range objects {
			var answers []string
			for _, s := range w.sites {
				answer, err := ask(s, object)
				if err != nil {
					return err
				}
				answers = append(answers, answer)
			}
			if len(slices.Compact(slices.Clone(answers))) > 1 {
				return fmt.Errorf("the replicas answer findObjectById%s(%s) with\n  %s", name, object, strings.Join(answers, "\n  "))
			}
		}
	}
	return nil
}

func answered(ask func(on, off *[]tars.EndpointF) (int32, error)) (string, error) {
	var on, off []tars.EndpointF
	code, err := ask(&on, &off)
	return fmt.Sprintf("code %d, active %v, inactive %v", code, on, off), err
}
