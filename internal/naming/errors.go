package naming

import (
	"fmt"
	"strconv"
)

// InvalidError is a value that breaks a rule: it names the field as the wire
// interface does, and says the rule. Its text is meant for the caller.
type InvalidError struct {
	Field string
	Rule  string
}

// Error gives "field rule", for example `nodeName must not be empty`.
func (e *InvalidError) Error() string { return e.Field + " " + e.Rule }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Rule: fmt.Sprintf(format, args...)}
}

// quote shows a value of unknown size and content in a message.
func quote(text string) string {
	const limit = 40
	if len(text) > limit {
		return strconv.Quote(text[:limit]) + "..."
	}
	return strconv.Quote(text)
}
