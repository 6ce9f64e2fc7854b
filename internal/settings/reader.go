package settings

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tarsregistry/tarsregistry/registry"
)

// rank says where a value comes from; a greater one wins.
type rank int

const (
	byDefault rank = iota
	byFile
	byEnvironment
	byFlag
)

// value is a setting's text and where it was found.
type value struct {
	text string
	name string // for messages: --flag or VARIABLE
	rank rank
}

// reader looks values up and keeps the first error, so that the settings can be
// read one after the other.
type reader struct {
	flags   *pflag.FlagSet
	getenv  func(string) string
	catalog []Setting
	err     error
}

func newReader(flags *pflag.FlagSet, getenv func(string) string) *reader {
	return &reader{flags: flags, getenv: getenv, catalog: Catalog()}
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// find gives a setting's value from the flag, else the environment, else its
// default.
func (r *reader) find(name string) value {
	if flag := r.flags.Lookup(name); flag != nil && flag.Changed {
		return value{flag.Value.String(), "--" + name, byFlag}
	}
	i := slices.IndexFunc(r.catalog, func(s Setting) bool { return s.Name == name })
	for _, variable := range r.catalog[i].Env {
		if text := r.variable(variable, ""); text != "" {
			return value{text, variable, byEnvironment}
		}
	}
	return value{r.catalog[i].Default, "--" + name, byDefault}
}

// variable reads an environment variable without the blanks and line breaks
// around it, which values from files in manifests have.
func (r *reader) variable(name, fallback string) string {
	if text := strings.TrimSpace(r.getenv(name)); text != "" {
		return text
	}
	return fallback
}

// or gives the value unless it is a default and the configuration file has one.
func (v value) or(text, name string) value {
	if v.rank > byDefault || text == "" {
		return v
	}
	return value{text, name, byFile}
}

func (r *reader) isOn(name string) bool {
	v := r.find(name)
	if v.text == "" {
		return false
	}
	on, err := strconv.ParseBool(strings.ToLower(v.text))
	if err != nil {
		r.fail(invalid(v.name, "is %s; it must be true or false", quote(v.text)))
	}
	return on
}

// duration reads a time from low to high; 0 is allowed too where orZero says so.
func (r *reader) duration(name string, low, high time.Duration, orZero bool) time.Duration {
	v := r.find(name)
	d, err := time.ParseDuration(v.text)
	if err != nil {
		r.fail(invalid(v.name, "is %s; it must be a duration with its unit, such as 95s, 10m or 24h", quote(v.text)))
		return 0
	}
	if d == 0 && orZero {
		return 0
	}
	if d < low || d > high {
		also := ""
		if orZero {
			also = "0 or "
		}
		r.fail(invalid(v.name, "is %s; it must be %sbetween %s and %s", d, also, low, high))
	}
	return d
}

func (r *reader) number(name string, low, high int) int {
	v := r.find(name)
	n, err := strconv.Atoi(v.text)
	if err != nil || n < low || n > high {
		r.fail(invalid(v.name, "is %s; it must be a whole number from %d to %d", quote(v.text), low, high))
	}
	return n
}

func (r *reader) oneOf(v value, allowed ...string) string {
	text := strings.ToLower(v.text)
	if !slices.Contains(allowed, text) {
		last := len(allowed) - 1
		r.fail(invalid(v.name, "is %s; it must be %s or %s", quote(v.text), strings.Join(allowed[:last], ", "), allowed[last]))
	}
	return text
}

func (r *reader) port(v value) registry.Port {
	if strings.EqualFold(v.text, "off") {
		return registry.PortOff
	}
	n, err := strconv.ParseUint(v.text, 10, 16)
	if err == nil {
		return registry.Port(n)
	}
	const rule = "is %s; it must be a port from 0 (any free one) to 65535, or off"
	if v.rank == byEnvironment && strings.HasPrefix(v.text, "tcp://") {
		r.fail(invalid(v.name, rule+" (it looks like a Kubernetes service link: set enableServiceLinks: false)", quote(v.text)))
	} else {
		r.fail(invalid(v.name, rule, quote(v.text)))
	}
	return registry.PortOff
}
