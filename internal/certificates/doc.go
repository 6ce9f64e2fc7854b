// Package certificates serves TLS with certificates from files, and takes new
// ones when the files change, so that nobody has to restart for them.
package certificates
