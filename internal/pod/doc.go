// Package pod is what a pod knows about itself: its environment variables, the
// files under $TARS_PATH, its metadata, address, ports and identity.
//
// The order of things: ReadEnvironment, then Decide, which reads the metadata
// and settles all that is left open (address, ports, names) into an Info. What
// was decided is kept in data/server_info.yaml for the other subcommands
// (Info.Save, LoadInfo).
package pod
