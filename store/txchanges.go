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
	set  []assignment
	ids  []int64
	keys []string // of rows without a number
	rows []*instanceRow
}

// add notes an update of a row that has an id, or a key.
func (c *changes) add(set []assignment, id int64, key string, row *instanceRow) {
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
	group.rows = append(group.rows, row)
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

// shared gives the groups that are worth a statement, and the rows of the others.
func (c *changes) shared() (groups []*changeGroup, others []*instanceRow) {
	for _, group := range c.sorted() {
		if len(group.rows) >= manyRows {
			groups = append(groups, group)
		} else {
			others = append(others, group.rows...)
		}
	}
	slices.SortFunc(others, compareLocks)
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
