package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// serverRows writes t_server_conf: rows that are gone, rows that are new, rows
// that a registration describes, and single columns of the others.
func (w *writing) serverRows() error {
	c := w.compareServers()
	if len(c.gone) > 0 {
		if err := w.exec("server_delete", "DELETE FROM t_server_conf WHERE id IN ("+idList(c.gone)+")"); err != nil {
			return err
		}
	}
	if err := w.insertNew("server_insert", c.fresh, serversBack(), &w.serversWritten); err != nil {
		return err
	}
	shared, others := c.described.shared()
	for _, group := range slices.Concat(shared, c.altered.sorted()) {
		if err := w.updateServers(group); err != nil {
			return err
		}
	}
	return w.overlayServers(others)
}

func (w *writing) updateServers(group *changeGroup) error {
	set, args := group.setClause()
	query := "UPDATE t_server_conf SET " + set + " WHERE id IN (" + group.ids() + ")"
	found, err := w.store.exec(w.ctx, w.tx, "server_update", query, args...)
	if err != nil {
		return err
	}
	if found < int64(len(group.members)) {
		return errMoved // another program has deleted or replaced a row since it was read
	}
	stamps := make([]*string, len(group.members))
	for i, member := range group.members {
		stamps[i] = &member.instance.now.Server.Stamp
	}
	w.serversWritten.known = append(w.serversWritten.known, stamped{group.members[0].id, stamps})
	return nil
}

// overlayServers lays rows that a registration describes over those that are there,
// those in which the same columns change together.
func (w *writing) overlayServers(groups []*changeGroup) error {
	all := w.insertColumns()
	byColumns := map[string]*describedRows{}
	for _, group := range groups {
		columns := columnsOf(group.set)
		described := byColumns[columns]
		if described == nil {
			described = &describedRows{insert: newInsert("t_server_conf", all).expect(len(groups))}
			byColumns[columns] = described
		}
		for _, member := range group.members {
			w.addServer(described.insert.begin(len(all)), member.instance, member.id)
			described.ids = append(described.ids, member.id)
			described.stamps = append(described.stamps, &member.instance.now.Server.Stamp)
		}
	}
	for _, columns := range slices.Sorted(maps.Keys(byColumns)) {
		described := byColumns[columns]
		err := w.insertOver("server_overlay", described.insert, strings.Split(columns, ","), serversBack(), func() {
			w.serversWritten.statements(described.insert, described.ids, described.stamps)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// serverChanges collects what is to be done to t_server_conf.
type serverChanges struct {
	gone      []int64
	fresh     *insert
	described changes // by a registration
	altered   changes // in other ways
}

// describedRows are rows that are there and that a registration describes anew.
type describedRows struct {
	insert *insert
	ids    []int64
	stamps []*string
}

func (w *writing) compareServers() *serverChanges {
	columns := w.insertColumns()
	c := &serverChanges{fresh: newInsert("t_server_conf", columns).expect(len(w.rows))}
	wall := expression(w.store.dialect.wall)
	for _, row := range w.rows {
		base, now := row.base.Server, row.now.Server
		switch {
		case now == nil && base == nil:
		case now == nil:
			c.gone = append(c.gone, base.ID)
		case base == nil:
			w.addServer(c.fresh.begin(len(columns)), row, 0)
			w.serversWritten.fresh = append(w.serversWritten.fresh, row)
		case row.registered:
			c.described.add(w.description(base, now), member{instance: row, id: base.ID})
		default:
			if set := w.serverChanges(base, now); len(set) > 0 {
				c.altered.add(append(set, assignment{"registry_timestamp", wall}), member{instance: row, id: base.ID})
			}
		}
	}
	return c
}

// description is what an onStartup writes over a row that is there: the
// description's columns, and what differs besides. template_name and server_type only
// where the registration tells another one (R11).
func (w *writing) description(base, now *naming.Server) []assignment {
	wall := expression(w.store.dialect.wall)
	set := []assignment{
		{"patch_version", now.Version}, {"present_state", string(now.PresentState)}, {"setting_state", string(now.SettingState)},
		{"enable_set", flag(now.EnableSet)}, {"set_name", now.SetName}, {"set_area", now.SetArea}, {"set_group", now.SetGroup},
		{"registry_timestamp", wall}, {"patch_time", wall}, {"posttime", wall},
	}
	for _, a := range w.serverChanges(base, now) {
		if !slices.ContainsFunc(set, func(known assignment) bool { return known.column == a.column }) {
			set = append(set, a)
		}
	}
	return set
}

func columnsOf(set []assignment) string {
	names := make([]string, len(set))
	for i, a := range set {
		names[i] = a.column
	}
	return strings.Join(names, ",")
}

func (w *writing) insertColumns() []string {
	columns := []string{
		"id", "application", "server_name", "node_name", "setting_state", "present_state", "bak_flag",
		"enable_set", "set_name", "set_area", "set_group", "enable_group", "ip_group_name",
		"template_name", "server_type", "patch_version", "process_id", "registry_timestamp", "patch_time", "posttime",
	}
	if w.tables.flowState {
		columns = append(columns, "flow_state")
	}
	if w.tables.metricsPort {
		columns = append(columns, "metrics_port")
	}
	return columns
}

func (w *writing) addServer(to *insertPart, row *instanceRow, id int64) {
	s, wall := row.now.Server, expression(w.store.dialect.wall)
	to.id(id)
	to.key(row.now.Key)
	to.text(string(s.SettingState))
	to.text(string(s.PresentState))
	to.number(int64(s.BakFlag))
	to.flag(s.EnableSet)
	to.text(s.SetName)
	to.text(s.SetArea)
	to.text(s.SetGroup)
	to.flag(s.EnableGroup)
	to.nullable(s.IPGroupName)
	to.text(s.TemplateName)
	to.text(s.ServerType)
	to.text(s.Version)
	to.number(int64(s.ProcessID))
	to.expression(wall)
	to.expression(wall)
	to.expression(wall)
	if w.tables.flowState {
		to.text(string(s.FlowState))
	}
	if w.tables.metricsPort {
		to.number(int64(s.MetricsPort))
	}
	to.end()
}

// serverChanges are the columns in which now differs from what was read.
func (w *writing) serverChanges(base, now *naming.Server) []assignment {
	var set []assignment
	differ := func(differs bool, column string, value any) {
		if differs {
			set = append(set, assignment{column, value})
		}
	}
	differ(base.SettingState != now.SettingState, "setting_state", string(now.SettingState))
	differ(base.PresentState != now.PresentState, "present_state", string(now.PresentState))
	differ(w.tables.flowState && base.FlowState != now.FlowState, "flow_state", string(now.FlowState))
	differ(w.tables.metricsPort && base.MetricsPort != now.MetricsPort, "metrics_port", now.MetricsPort)
	differ(base.BakFlag != now.BakFlag, "bak_flag", now.BakFlag)
	differ(base.EnableSet != now.EnableSet, "enable_set", flag(now.EnableSet))
	differ(base.SetName != now.SetName, "set_name", now.SetName)
	differ(base.SetArea != now.SetArea, "set_area", now.SetArea)
	differ(base.SetGroup != now.SetGroup, "set_group", now.SetGroup)
	differ(base.EnableGroup != now.EnableGroup, "enable_group", flag(now.EnableGroup))
	differ(base.IPGroupName != now.IPGroupName, "ip_group_name", nullable(now.IPGroupName))
	differ(base.TemplateName != now.TemplateName, "template_name", now.TemplateName)
	differ(base.ServerType != now.ServerType, "server_type", now.ServerType)
	differ(base.Version != now.Version, "patch_version", now.Version)
	differ(base.ProcessID != now.ProcessID, "process_id", now.ProcessID)
	return set
}
