package settings

import (
	"fmt"
	"strconv"
)

// Error is a setting that breaks a rule.
type Error struct {
	Name string // as the user gave it: --query-port, REGISTRY_QUERY_PORT, a file's path
	Rule string
}

// Error gives "name rule" in one line.
func (e *Error) Error() string { return e.Name + " " + e.Rule }

func invalid(name, format string, args ...any) error {
	return &Error{Name: name, Rule: fmt.Sprintf(format, args...)}
}

// quote shows a value of unknown size and content in a one-line message.
func quote(text string) string {
	const limit = 60
	if len(text) > limit {
		return strconv.Quote(text[:limit]) + "..."
	}
	return strconv.Quote(text)
}
