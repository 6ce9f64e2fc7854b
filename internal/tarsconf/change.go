package tarsconf

import (
	"fmt"
	"slices"
	"strings"
)

// Set puts the value at "/a/b<key>", in the place of the one that counts so
// far, else at the end of the domain's entries; domains that are missing are
// made. It refuses what could not be read back.
func (d *Document) Set(path, value string) error {
	domains, key := splitPath(path)
	if err := checkEntry(key, value, false); err != nil {
		return fmt.Errorf("set %s: %w", path, err)
	}
	g, err := d.make(domains)
	if err != nil {
		return fmt.Errorf("set %s: %w", path, err)
	}
	if e := g.last(key); e != nil {
		e.replace(value, false)
		return nil
	}
	last := g[len(g)-1]
	last.insert(last.afterEntries(), &entry{key: key, value: value, text: key + "=" + value})
	return nil
}

// AddComment puts a # comment at the end of the domain at the path, which is
// made where it is missing.
func (d *Document) AddComment(path, text string) error {
	if strings.ContainsAny(text, "\r\n") {
		return fmt.Errorf("comment in %s: a line break can't stand in a comment", path)
	}
	domains, _ := splitPath(path)
	g, err := d.make(domains)
	if err != nil {
		return fmt.Errorf("comment in %s: %w", path, err)
	}
	last := g[len(g)-1]
	last.insert(len(last.nodes), &comment{text: "# " + text})
	return nil
}

// make finds the domain, making what is missing of its path.
func (d *Document) make(path []string) (group, error) {
	if len(path) > maxDepth {
		return nil, fmt.Errorf("deeper than %d domains", maxDepth)
	}
	for _, name := range path {
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("<%s>: %w", name, err)
		}
	}
	g := group{d.root}
	for _, name := range path {
		sub := g.sub(name)
		if len(sub) == 0 {
			fresh := &domain{name: name, open: "<" + name + ">", close: "</" + name + ">"}
			last := g[len(g)-1]
			last.insert(len(last.nodes), fresh)
			sub = group{fresh}
		}
		g = sub
	}
	return g, nil
}

// replace changes the value and keeps the line's indentation and end.
func (e *entry) replace(value string, bare bool) {
	body := strings.Trim(e.text, blanks)
	start := strings.Index(e.text, body)
	text := e.key
	if !bare {
		text += "=" + value
	}
	e.text = e.text[:start] + text + e.text[start+len(body):]
	e.value, e.bare = value, bare
}

// afterEntries is the place behind the last entry, or in front of everything.
func (d *domain) afterEntries() int {
	for i, n := range slices.Backward(d.nodes) {
		if _, ok := n.(*entry); ok {
			return i + 1
		}
	}
	return 0
}

// insert puts n, whose source has no indentation and no line end yet, in a
// line of its own.
func (d *domain) insert(at int, n node) {
	d.breakLine(at)
	indent := d.indent()
	switch n := n.(type) {
	case *entry:
		n.text = indent + strings.Trim(n.text, blanks) + "\n"
	case *comment:
		n.text = indent + strings.Trim(n.text, blanks) + "\n"
	case *domain:
		n.lay(indent)
	}
	d.nodes = slices.Insert(d.nodes, at, n)
}

// lay gives a domain that comes from elsewhere this document's indentation.
func (d *domain) lay(indent string) {
	d.open = indent + "<" + d.name + ">\n"
	d.close = indent + "</" + d.name + ">\n"
	nodes := d.nodes
	d.nodes = nil
	for _, n := range nodes {
		if c, ok := n.(*comment); ok && strings.Trim(c.text, blanks) == "" {
			continue
		}
		d.insert(len(d.nodes), n)
	}
}

// indent is that of the domain's other nodes, else four blanks more than its
// own.
func (d *domain) indent() string {
	for _, n := range d.nodes {
		text := n.source()
		if body := strings.TrimLeft(text, " \t"); strings.Trim(body, blanks) != "" {
			return text[:len(text)-len(body)]
		}
	}
	if d.name == "" {
		return ""
	}
	body := strings.TrimLeft(d.open, blanks)
	own := strings.Trim(d.open[:len(d.open)-len(body)], "\r\n\ufeff")
	return own + "    "
}

// breakLine makes what stands in front of place at end with a line break.
func (d *domain) breakLine(at int) {
	if at == 0 {
		if d.name != "" {
			d.open = withBreak(d.open)
		}
		return
	}
	switch n := d.nodes[at-1].(type) {
	case *entry:
		n.text = withBreak(n.text)
	case *comment:
		n.text = withBreak(n.text)
	case *domain:
		n.close = withBreak(n.close)
	}
}

func withBreak(text string) string {
	if strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
