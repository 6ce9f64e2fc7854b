package transition

import (
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// podlike says that a node has no tarsnode: its rows are pods' (R2).
func podlike(node *naming.Node) bool {
	if node == nil {
		return false
	}
	port, ok := naming.ObjectPort(node.Object)
	return ok && port == 0
}

// settleNode keeps the row of a pod's node: active while any live instance there
// is not inactive (R3). A machine with tarsnode is left alone.
func settleNode(tx Tx, name string) {
	present := naming.Inactive
	for _, instance := range tx.LeasesOn(name) {
		if instance.Lease.State == naming.LeaseLive && instance.Lease.Reported != naming.Inactive {
			present = naming.Active
			break
		}
	}
	node := tx.Node(name)
	switch {
	case node == nil:
		tx.PutNode(naming.Node{
			Name: name, Object: nodeObject(name), EndpointIP: name,
			SettingState: naming.Active, PresentState: present,
		})
	case podlike(node) && node.PresentState != present:
		changed := *node
		changed.PresentState = present
		tx.PutNode(changed)
	}
}

// nodeObject is the proxy string of a node without tarsnode: port 0.
func nodeObject(name string) string {
	return fmt.Sprintf("tars.tarsnode.NodeObj@tcp -h %s -p 0 -t 60000", name)
}
