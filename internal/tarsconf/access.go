package tarsconf

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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
	return typed(d, path, fallback, "a whole number", strconv.Atoi)
}

// Float is Get for numbers.
func (d *Document) Float(path string, fallback float64) (float64, error) {
	return typed(d, path, fallback, "a number", func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

// Bool is Get for switches: y, yes, true, on, 1 and n, no, false, off, 0 in
// any case.
func (d *Document) Bool(path string, fallback bool) (bool, error) {
	return typed(d, path, fallback, "yes or no", parseBool)
}

// Milliseconds is Get for durations: a number is milliseconds, as all of Tars'
// timeouts are, and 10s or 1m30s says its unit.
func (d *Document) Milliseconds(path string, fallback time.Duration) (time.Duration, error) {
	return typed(d, path, fallback, "milliseconds or a duration such as 10s", parseMilliseconds)
}

func typed[T any](d *Document, path string, fallback T, want string, parse func(string) (T, error)) (T, error) {
	domains, key := splitPath(path)
	e := d.find(domains).last(key)
	if e == nil || e.value == "" {
		return fallback, nil
	}
	value, err := parse(e.value)
	if err != nil {
		return fallback, fmt.Errorf("line %d: %s is %q, not %s", e.line, path, e.value, want)
	}
	return value, nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "y", "yes", "true", "on", "1":
		return true, nil
	case "n", "no", "false", "off", "0":
		return false, nil
	}
	return false, strconv.ErrSyntax
}

func parseMilliseconds(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return d, nil
	}
	ms, err := strconv.ParseInt(s, 10, 32)
	return time.Duration(ms) * time.Millisecond, err
}

// HasDomain tells whether there is a domain at the path.
func (d *Document) HasDomain(path string) bool {
	domains, _ := splitPath(path)
	return len(d.find(domains)) > 0
}

// Domains returns the names of the domains in the one at the path, in order,
// each once.
func (d *Document) Domains(path string) []string {
	return names(d, path, func(n node) (string, bool) {
		sub, ok := n.(*domain)
		if !ok {
			return "", false
		}
		return sub.name, true
	})
}

// Keys returns the keys in the domain at the path, in order, each once.
func (d *Document) Keys(path string) []string {
	return names(d, path, func(n node) (string, bool) {
		e, ok := n.(*entry)
		if !ok {
			return "", false
		}
		return e.key, true
	})
}

func names(d *Document, path string, name func(node) (string, bool)) []string {
	var found []string
	seen := make(map[string]bool)
	domains, _ := splitPath(path)
	for _, dom := range d.find(domains) {
		for _, n := range dom.nodes {
			if s, ok := name(n); ok && !seen[s] {
				seen[s] = true
				found = append(found, s)
			}
		}
	}
	return found
}

// Lines returns the domain's lines as they stand, trimmed, comments left out,
// repeated ones kept: the form of lists of servers.
func (d *Document) Lines(path string) []string {
	var lines []string
	domains, _ := splitPath(path)
	for _, dom := range d.find(domains) {
		for _, n := range dom.nodes {
			if e, ok := n.(*entry); ok {
				lines = append(lines, strings.Trim(e.text, blanks))
			}
		}
	}
	return lines
}
