package tarsconf

import (
	"fmt"
	"os"
	"slices"
)

// Document is a configuration in memory. It is not safe for use by several
// goroutines while one of them changes it.
type Document struct {
	root *domain
}

// node is one piece of a domain: *domain, *entry or *comment.
type node interface {
	clone() node
	// source is the text the node was read from, with its white space, so that
	// the sources of all nodes put together are the whole text again.
	source() string
}

// domain is a pair of tags and what is between them. The root has no tags.
type domain struct {
	name        string
	line        int
	open, close string // the tags' source
	nodes       []node
}

// entry is a key=value line, or a bare line, which is a key only.
type entry struct {
	key, value string
	bare       bool
	line       int
	text       string
}

// comment is what readers pass over: # lines, XML comments, blank lines.
type comment struct {
	line int
	text string
}

// New returns an empty document.
func New() *Document {
	return &Document{root: &domain{}}
}

// Load reads the file. A syntax error is a *SyntaxError wrapped with the
// file's name.
func Load(file string) (*Document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	d, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

func (d *domain) clone() node {
	c := *d
	c.nodes = make([]node, len(d.nodes))
	for i, n := range d.nodes {
		c.nodes[i] = n.clone()
	}
	return &c
}

func (e *entry) clone() node   { c := *e; return &c }
func (c *comment) clone() node { k := *c; return &k }

// domains are the sub-domains with the name, in order.
func (d *domain) domains(name string) []*domain {
	var found []*domain
	for _, n := range d.nodes {
		if sub, ok := n.(*domain); ok && sub.name == name {
			found = append(found, sub)
		}
	}
	return found
}

// entries are the domain's entries with the key, in order.
func (d *domain) entries(key string) []*entry {
	var found []*entry
	for _, n := range d.nodes {
		if e, ok := n.(*entry); ok && e.key == key {
			found = append(found, e)
		}
	}
	return found
}

func (d *domain) remove(n node) {
	d.nodes = slices.DeleteFunc(d.nodes, func(m node) bool { return m == n })
}

// group is one domain as readers see it: all of its occurrences, in order.
type group []*domain

func (g group) sub(name string) group {
	var found group
	for _, d := range g {
		found = append(found, d.domains(name)...)
	}
	return found
}

func (g group) last(key string) *entry {
	for _, d := range slices.Backward(g) {
		if found := d.entries(key); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return nil
}

// find is the domain at the path, empty where there is none.
func (d *Document) find(path []string) group {
	g := group{d.root}
	for _, name := range path {
		g = g.sub(name)
	}
	return g
}
