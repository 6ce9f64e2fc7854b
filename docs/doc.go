// Package docs is the documentation, with tests that hold it to the source: its
// pages name the metrics that exist and links lead somewhere.
package docs
