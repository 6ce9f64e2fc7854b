package naming

import "strings"

// SetID is a set: name.area.group. The zero value is no set.
type SetID struct {
	Name  string
	Area  string
	Group string
}

// ParseSetID reads the set id of a registration: "" (no set), or name.area.group
// with three parts; name and area must not be `*`, the group may be.
func ParseSetID(text string) (SetID, error) {
	const field = "setID"
	if text == "" {
		return SetID{}, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return SetID{}, invalid(field, "is %s; it must be name.area.group", quote(text))
	}
	for i, part := range []struct {
		name  string
		limit int
	}{{"name", maxSetName}, {"area", maxSetArea}, {"group", maxSetGroup}} {
		if parts[i] == "*" && part.name == "group" {
			continue
		}
		if err := checkName(field+" "+part.name, parts[i], part.limit, isNameRune); err != nil {
			return SetID{}, err
		}
	}
	return SetID{Name: parts[0], Area: parts[1], Group: parts[2]}, nil
}
