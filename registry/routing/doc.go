// Package routing is the in-memory picture of who is where: it answers clients'
// look-ups from memory only, by the rules of the Tars registry (which rows
// become endpoints, IP groups, stations, sets).
//
// A [Table] has one writer at a time and publishes immutable [Picture]s through
// an atomic pointer; readers take the current one and never wait. A change
// copies what it touches: the shards its instances and objects are in, and the
// sorted rows of those objects. The lists a client can be given are prepared at
// an object's first look-up after a change, and so are the encoded replies.
package routing
