// Package genconf makes the configuration file that a Tars server is started
// with: from what the pod decided about itself, and the file of
// TARS_MERGE_CONF laid over that.
package genconf
