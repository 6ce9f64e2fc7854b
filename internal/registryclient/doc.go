// Package registryclient is a pod's side of the conversation with the registry:
// it finds the servant tars.tarsregistry.Registry through the locator, makes
// calls to any replica that answers, and reports an instance's state from a
// goroutine of its own, so that nothing in the pod ever waits for the registry.
package registryclient
