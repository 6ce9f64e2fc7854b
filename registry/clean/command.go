package clean

import (
	"fmt"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Usage is the admin command's arguments.
const Usage = "[n [yyyy-mm-dd hh:mm:ss]]"

// ParseCommand reads the arguments of the admin command clean: none is a dry run,
// `n` removes, and a time after it is the cut-off, in the database's time zone.
// Anything else is a *naming.InvalidError.
func ParseCommand(arguments string) (Request, error) {
	words := strings.Fields(arguments)
	switch {
	case len(words) == 0:
		return Request{DryRun: true}, nil
	case words[0] != "n":
		return Request{}, usageError("is %s", shown(arguments))
	case len(words) == 1:
		return Request{}, nil
	}
	before := strings.Join(words[1:], " ")
	if _, err := parseTime(before); err != nil {
		return Request{}, usageError("has the cut-off %s", shown(before))
	}
	return Request{Before: before}, nil
}

func usageError(format string, args ...any) error {
	return &naming.InvalidError{
		Field: "clean",
		Rule:  fmt.Sprintf(format, args...) + `; use "clean" (dry run), "clean n" or "clean n yyyy-mm-dd hh:mm:ss"`,
	}
}

func shown(text string) string {
	const limit = 40
	if len(text) > limit {
		return fmt.Sprintf("%q...", text[:limit])
	}
	return fmt.Sprintf("%q", text)
}
