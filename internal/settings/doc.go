// Package settings reads the registry's settings from flags, the environment
// and a Tars configuration file, and checks them before anything is started.
//
// What is given in several places counts in this order: flag, environment
// variable, configuration file, default. A variable that is set to nothing
// counts as not set, as manifests leave them behind. A value that breaks a rule
// is an *Error that names the setting as the user gave it; no error and no
// other text made here has a password or a token in it.
package settings
