// Package docs is the documentation, with tests that hold it to the source: its
// pages tell the metrics that a registry exposes and what every folder is for, links
// lead somewhere, and the first server comes up as its page says.
package docs
