// Package web is what stands between the HTTP port's handlers and the network:
// bounds on connections and requests, headers that tell browsers what not to do,
// and the console page.
package web
