// Package wire reads and writes the fields of the Tars encoding in place, for
// code that cannot afford the generated readers: every bound is checked,
// nothing is allocated, and what is written is byte for byte what TarsGo's
// codec writes.
package wire
