package store

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// assignment is a column and the value it shall have: a string, a whole number, nil
// or an expression.
type assignment struct {
	column string
	value  any
}

// changes collects updates of single rows and puts those that set the same
// columns to the same values into one statement.
type changes struct {
	groups map[string]*changeGroup
}

// changeGroup are rows that get the same values.
type changeGroup struct {
	set     []assignment
	members []member
}

// member is a row that is updated: one of an instance, by its id, or one of
// t_node_info, by its name.
type member struct {
	instance *instanceRow
	id       int64
	name     string
}

// add notes an update of a row.
func (c *changes) add(set []assignment, of member) {
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
	group.members = append(group.members, of)
}

// ids is the list of the rows' ids, for a condition.
func (g *changeGroup) ids() string {
	ids := make([]int64, len(g.members))
	for i, member := range g.members {
		ids[i] = member.id
	}
	return idList(ids)
}

func (g *changeGroup) names() []string {
	names := make([]string, len(g.members))
	for i, member := range g.members {
		names[i] = member.name
	}
	return names
}

func (g *changeGroup) instances() []*instanceRow {
	rows := make([]*instanceRow, len(g.members))
	for i, member := range g.members {
		rows[i] = member.instance
	}
	return rows
}

// sorted gives the groups in an order that does not depend on the map's.
func (c *changes) sorted() []*changeGroup {
	var list []*changeGroup
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		list = append(list, c.groups[name])
	}
	return list
}

// manyRows is from how many rows on an UPDATE of their own, and asking what came of
// it, is cheaper than to lay them over what is there with all others.
const manyRows = 12

// shared gives the groups that are worth a statement, and the others.
func (c *changes) shared() (groups, others []*changeGroup) {
	for _, group := range c.sorted() {
		if len(group.members) >= manyRows {
			groups = append(groups, group)
		} else {
			others = append(others, group)
		}
	}
	return groups, others
}

// setClause is the SET of a group, with its arguments.
func (g *changeGroup) setClause() (clause string, args []any) {
	var b sqlText
	for i, a := range g.set {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.column + "=")
		switch value := a.value.(type) {
		case expression:
			b.WriteString(string(value))
		case string:
			b.text(value)
		default:
			b.WriteByte('?')
			b.args = append(b.args, value)
		}
	}
	return b.String(), b.args
}

// textOf tells values apart when updates are grouped.
func textOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "\x01"
	case string:
		return value
	case expression:
		return "\x02" + string(value)
	case int32:
		return "\x03" + strconv.Itoa(int(value))
	case int64:
		return "\x03" + strconv.FormatInt(value, 10)
	default:
		panic("store: a value of a kind that no column has")
	}
}
