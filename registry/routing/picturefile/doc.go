// Package picturefile keeps a picture on disk, so that a registry that starts
// while its database is away can answer look-ups and take heartbeats (R26).
//
// A file is written whole and put in place atomically. It begins with a line of
// text that names the format and its version, and ends with a checksum of all
// that stands before: a file that is damaged, cut short or of another version
// is refused, never read in part.
package picturefile
