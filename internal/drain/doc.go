// Package drain waits until a server's clients have gone, by looking at what
// its connections carry rather than by waiting for a fixed time.
//
// Clients learn from the registry that an endpoint is leaving when they next
// refresh their list, so nothing ends before the clients' refresh interval has
// passed once, where the budget allows. After that the wait ends when no
// connection has carried a request for a quiet period.
package drain
