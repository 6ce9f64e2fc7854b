// Package registrydoctor examines what a registry would find if it were started
// with given settings: its database, its ports, its machine. Nothing is changed.
package registrydoctor
