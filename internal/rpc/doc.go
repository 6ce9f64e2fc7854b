// Package rpc is the server side of the Tars protocol: listeners, one goroutine
// a connection, frames read in place, answers from memory given in line, and
// everything else handed through the guard to the generated dispatchers on a
// bounded pool.
//
// A Server has listeners, each with servants of its own. A request goes this way:
//
//	frame -> header decoded in place -> servant, function known? -> Authorize
//	      -> Inline: answered on the connection's goroutine, without allocation
//	      -> Limit -> queue -> (iTimeout over? dropped) -> guard -> Dispatch
//
// What clients can rely on: a request is answered, or its connection is closed,
// or the time its caller gave it is over; one-way requests are never answered.
// Answers carry the request's id, version and packet type, and its context but
// for TokenKey. All complete requests of one read are answered with one write.
//
// What the process can rely on: memory per connection and in all is bounded, a
// connection that is idle costs a few kB, one that stops in the middle of a
// frame or does not read its answers is closed at a deadline and delays nobody
// else, and no packet and no handler can end the process.
package rpc
