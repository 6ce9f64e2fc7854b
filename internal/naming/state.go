package naming

import "slices"

// State is a value of t_server_conf.present_state, and in its first two values
// of setting_state, flow_state and of a node's states.
type State string

// The states of t_server_conf.present_state. A node is only ever active or
// inactive.
const (
	Active       State = "active"
	Inactive     State = "inactive"
	Activating   State = "activating"
	Deactivating State = "deactivating"
	Destroyed    State = "destroyed"
)

// ParseReported reads the state that a pod reports (R8): active, inactive,
// activating or deactivating; the empty string is active, everything else an
// *InvalidError for the named field.
func ParseReported(field, text string) (State, error) {
	switch state := State(text); state {
	case "":
		return Active, nil
	case Active, Inactive, Activating, Deactivating:
		return state, nil
	default:
		return "", invalid(field, "is %s; it must be active, inactive, activating or deactivating", quote(text))
	}
}

// serverTypes are the values of the enum t_server_conf.server_type.
func serverTypes() []string {
	return []string{"tars_cpp", "not_tars", "tars_java", "tars_nodejs", "tars_php", "tars_go"}
}

func validServerType(name string) bool {
	return slices.Contains(serverTypes(), name)
}
