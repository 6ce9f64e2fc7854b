// Package bench measures a whole registry beside what it is to be compared
// with: a servant that does nothing on TarsGo's transport, and one that runs the
// SQL of "Tars服务容器化" for every call. `make bench` runs it and prints a table;
// docs/performance.md says how to read it.
//
// Servers are processes of their own, so that the time they use can be told from
// that of the callers, and take turns in one run, so that whatever else the
// machine does meets all alike. Nothing here asserts a time.
package bench
