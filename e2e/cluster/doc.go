// Package cluster runs three replicas of the registry on one MariaDB and on a Galera
// cluster of three nodes, each replica on a node of its own: how long it takes until
// a write through one shows in the others, and what clients notice when a replica
// and a database node are killed. It has tests only, with the build tag cluster:
//
//	go test -tags cluster -v ./e2e/cluster
package cluster
