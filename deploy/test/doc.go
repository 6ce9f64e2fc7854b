// Package deploytest renders the Helm chart with Helm's own engine and decodes
// what comes out strictly into Kubernetes' types. It is a module of its own: what
// it needs is heavy, and nobody else needs it.
package deploytest
