// Package apiclient calls the registry's JSON API (/api/v1, see its
// openapi.yaml).
package apiclient
