// Package load drives a Tars server as many clients would and measures what it
// costs: rates and latencies as the clients see them, and processor time and
// memory of the server, which runs in a process of its own so that they can be
// told from the clients'. It is for benchmarks and tests.
package load
