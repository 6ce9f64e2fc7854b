// Package api is the registry's JSON API for operators and their tools, under
// /api/v1; openapi.yaml describes it. It reads from memory wherever it can.
package api
