package registry

import "context"

// cleanCommand is the admin command clean.
func (r *Registry) cleanCommand(context.Context, string) (string, error) {
	return "", usageError("clean", "not available yet")
}
