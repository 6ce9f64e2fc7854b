// Package registry is the naming service: the servants that pods, clients and
// tarsnode call, and the wiring of what stands behind them.
package registry
