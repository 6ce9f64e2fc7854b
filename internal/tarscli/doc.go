// Package tarscli is the command line of tarscli: one file a command, each
// translating flags and environment variables into calls of the package that
// does the work.
package tarscli
