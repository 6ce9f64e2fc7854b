// Package clients shows that programs of the field work with the registry as they
// are: TarsGo's client and server, those of @tars/rpc for Node.js (folder node), and
// tarsnode, which is played. It has tests only.
package clients
