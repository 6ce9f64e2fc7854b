// Package tarsclient makes single Tars calls: it dials an endpoint, sends a
// request and reads its answer. It looks nothing up, keeps nothing running in
// the background and trusts no length a peer sends. For programs that call
// often, TarsGo's client is the better one.
package tarsclient
