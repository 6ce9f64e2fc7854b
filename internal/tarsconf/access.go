package tarsconf

import (
	"fmt"
	"slices"
	"strconv"
)

// Lookup returns the value at "/a/b<key>", and whether there is one. A bare
// line is a key with an empty value.
func (d *Document) Lookup(path string) (string, bool) {
	domains, key := splitPath(path)
	e := d.find(domains).last(key)
	if e == nil {
		return "", false
	}
	return e.value, true
}

// Get returns the value at "/a/b<key>", or the fallback where there is none or
// an empty one.
func (d *Document) Get(path, fallback string) string {
	if value, _ := d.Lookup(path); value != "" {
		return value
	}
	return fallback
}

// Int is Get for whole numbers. The error names path, line and value.
func (d *Document) Int(path string, fallback int) (int, error) {
	domains, key := splitPath(path)
	e := d.find(domains).last(key)
	if e == nil || e.value == "" {
		return fallback, nil
	}
	value, err := strconv.Atoi(e.value)
	if err != nil {
		return fallback, fmt.Errorf("line %d: %s is %q, not a whole number", e.line, path, e.value)
	}
	return value, nil
}

// HasDomain tells whether there is a domain at the path.
func (d *Document) HasDomain(path string) bool {
	domains, _ := splitPath(path)
	return len(d.find(domains)) > 0
}

// Domains returns the names of the domains in the one at the path, in order,
// each once.
func (d *Document) Domains(path string) []string {
	var found []string
	domains, _ := splitPath(path)
	for _, dom := range d.find(domains) {
		for _, n := range dom.nodes {
			if sub, ok := n.(*domain); ok && !slices.Contains(found, sub.name) {
				found = append(found, sub.name)
			}
		}
	}
	return found
}
