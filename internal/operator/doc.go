// Package operator shows people what the registry knows and passes on what they
// want changed: the operator's commands of tarscli, over the registry's JSON API.
package operator
