// Package version says which version of this module a program was built from.
package version
