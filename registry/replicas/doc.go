// Package replicas keeps this registry's rows in t_registry_info alive, by which
// clients find it like everything else, and takes out those of registries that
// have died (R28).
package replicas
