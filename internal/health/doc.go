// Package health finds out whether a server answers on its adapters: by a
// connection, by tars_ping where the adapter speaks Tars, by the socket table
// for UDP, and by a script of the image's own.
package health
