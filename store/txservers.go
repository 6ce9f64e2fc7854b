package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// assignment is a column and the value it shall have.
type assignment struct {
	column string
	value  any
}

// changes collects updates of single rows and puts those that set the same
// columns to the same values into one statement.
type changes struct {
	groups map[string]*changeGroup
}

type changeGroup struct {
	set    []assignment
	ids    []int64
	keys   []string  // of rows without a number
	stamps []*string // see stamped
}

func (c *changes) add(set []assignment, id int64, key string, stamp *string) {
	var name strings.Builder
	for _, a := range set {
		name.WriteString(a.column)
		name.WriteByte('=')
		name.WriteString(textOf(a.value))
		name.WriteByte(0)
	}
	if c.groups == nil {
		c.groups = map[string]*changeGroup{}
	}
	group := c.groups[name.String()]
	if group == nil {
		group = &changeGroup{set: set}
		c.groups[name.String()] = group
	}
	group.ids = append(group.ids, id)
	group.keys = append(group.keys, key)
	group.stamps = append(group.stamps, stamp)
}

// sorted gives the groups in an order that does not depend on the map's.
func (c *changes) sorted() []*changeGroup {
	var list []*changeGroup
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		list = append(list, c.groups[name])
	}
	return list
}

// setClause is the SET of a group, with its arguments.
func (g *changeGroup) setClause() (string, []any) {
	var b strings.Builder
	var args []any
	for i, a := range g.set {
		if i > 0 {
			b.WriteString(", ")
		}
		if sql, ok := a.value.(expression); ok {
			b.WriteString(a.column + "=" + string(sql))
			continue
		}
		b.WriteString(a.column + "=?")
		args = append(args, a.value)
	}
	return b.String(), args
}

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
	for _, columns := range slices.Sorted(maps.Keys(c.described)) {
		rows := c.described[columns]
		if err := w.insertOver("server_register", rows.insert, strings.Split(columns, ","), serversBack()); err != nil {
			return err
		}
		if !w.tables.returning {
			w.serversWritten.statements(rows.insert, rows.ids, rows.stamps)
		}
	}
	for _, group := range c.single.sorted() {
		set, args := group.setClause()
		query := "UPDATE t_server_conf SET " + set + " WHERE id IN (" + idList(group.ids) + ")"
		if err := w.exec("server_update", query, args...); err != nil {
			return err
		}
		w.serversWritten.known = append(w.serversWritten.known, stamped{group.ids[0], group.stamps})
	}
	return nil
}

// serverChanges collects what is to be done to t_server_conf.
type serverChanges struct {
	gone      []int64
	fresh     *insert
	described map[string]*describedRows // by the columns that are laid over what is there
	single    changes
}

// describedRows are rows that are there and that a registration describes anew.
type describedRows struct {
	insert *insert
	ids    []int64
	stamps []*string
}

func (w *writing) compareServers() *serverChanges {
	columns := w.insertColumns()
	c := &serverChanges{fresh: newInsert("t_server_conf", columns), described: map[string]*describedRows{}}
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
			overlaid := describedColumns(w.serverChanges(base, now))
			rows := c.described[overlaid]
			if rows == nil {
				rows = &describedRows{insert: newInsert("t_server_conf", columns)}
				c.described[overlaid] = rows
			}
			w.addServer(rows.insert.begin(len(columns)), row, base.ID)
			rows.ids = append(rows.ids, base.ID)
			rows.stamps = append(rows.stamps, &now.Stamp)
		default:
			if set := w.serverChanges(base, now); len(set) > 0 {
				c.single.add(append(set, assignment{"registry_timestamp", wall}), base.ID, "", &now.Stamp)
			}
		}
	}
	return c
}

// describedColumns are the columns that an onStartup writes over a row that is
// there: the description's, and what differs besides. template_name and
// server_type only where the registration tells another one (R11).
func describedColumns(set []assignment) string {
	columns := []string{
		"patch_version", "present_state", "setting_state", "enable_set", "set_name", "set_area", "set_group",
		"registry_timestamp", "patch_time", "posttime",
	}
	for _, a := range set {
		if !slices.Contains(columns, a.column) {
			columns = append(columns, a.column)
		}
	}
	return strings.Join(columns, ",")
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
