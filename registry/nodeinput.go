package registry

import (
	"fmt"
	"math"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Lengths in characters of what tarsnode tells, by the columns of t_node_info and
// t_server_conf.
const (
	maxNodeText     = 128
	maxNodeAddress  = 50
	maxMachineName  = 50 // of t_server_conf
	maxServerStates = 1000
)

// checkMachine holds registerNode's arguments to what the tables take. A node_obj
// without a port would make the machine's row that of a pod (R2).
func checkMachine(info *tars.NodeInfo, load *tars.LoadInfo) error {
	for _, text := range []struct {
		field, value string
		limit        int
	}{
		{"nodeObj", info.NodeObj, maxNodeText}, {"endpointIp", info.EndpointIp, maxNodeAddress},
		{"dataDir", info.DataDir, maxNodeText}, {"version", info.Version, maxNodeText},
	} {
		if err := naming.CheckPrintable(text.field, text.value, text.limit); err != nil {
			return err
		}
	}
	if port, ok := naming.ObjectPort(info.NodeObj); !ok || port == 0 {
		return &naming.InvalidError{Field: "nodeObj", Rule: "must be an object with its endpoint, such as tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 19385 -t 60000"}
	}
	if err := naming.CheckPort("endpointPort", info.EndpointPort); err != nil {
		return err
	}
	return checkLoad(load)
}

func checkLoad(load *tars.LoadInfo) error {
	for _, average := range []struct {
		field string
		value float32
	}{{"avg1", load.Avg1}, {"avg5", load.Avg5}, {"avg15", load.Avg15}} {
		if value := float64(average.value); math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
			return &naming.InvalidError{Field: average.field, Rule: "must be a number, 0 or more"}
		}
	}
	return nil
}

// checkMachinesServer holds the names of a server on a machine to their columns.
// Such rows were made by others: how the names are spelled is their business.
func checkMachinesServer(key naming.Key) error {
	if err := naming.NormalizeNode(&key.Node); err != nil {
		return err
	}
	for _, name := range []struct{ field, value string }{{"application", key.Application}, {"server", key.Server}} {
		if name.value == "" {
			return &naming.InvalidError{Field: name.field, Rule: "must not be empty"}
		}
		if err := naming.CheckPrintable(name.field, name.value, maxNodeText); err != nil {
			return err
		}
	}
	return nil
}

// checkWanted holds getServers' arguments to lengths that a row can have; which of
// them are empty says how much is wanted.
func checkWanted(app, server, node string) error {
	for _, name := range []struct {
		field, value string
		limit        int
	}{{"nodeName", node, maxMachineName}, {"application", app, maxNodeText}, {"server", server, maxNodeText}} {
		if err := naming.CheckPrintable(name.field, name.value, name.limit); err != nil {
			return err
		}
	}
	return nil
}

// presentState is the column's value for a state of the wire: destroying is on
// its way to destroyed and counts as it.
func presentState(state tars.ServerState) (naming.State, error) {
	switch state {
	case tars.ServerState_Inactive:
		return naming.Inactive, nil
	case tars.ServerState_Activating:
		return naming.Activating, nil
	case tars.ServerState_Active:
		return naming.Active, nil
	case tars.ServerState_Deactivating:
		return naming.Deactivating, nil
	case tars.ServerState_Destroying, tars.ServerState_Destroyed:
		return naming.Destroyed, nil
	}
	return "", &naming.InvalidError{
		Field: "serverState", Rule: fmt.Sprintf("is %d; it must be a state from %d to %d", state, tars.ServerState_Inactive, tars.ServerState_Destroyed),
	}
}
