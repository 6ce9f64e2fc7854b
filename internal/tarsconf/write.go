package tarsconf

import (
	"strings"
)

// String returns the document as it was read, changes apart: order, comments
// and white space are kept.
func (d *Document) String() string {
	return d.root.source()
}

func (d *domain) source() string {
	var b strings.Builder
	d.write(&b)
	return b.String()
}

func (d *domain) write(b *strings.Builder) {
	b.WriteString(d.open)
	for _, n := range d.nodes {
		if sub, ok := n.(*domain); ok {
			sub.write(b)
			continue
		}
		b.WriteString(n.source())
	}
	b.WriteString(d.close)
}

func (e *entry) source() string   { return e.text }
func (c *comment) source() string { return c.text }

func (c *comment) blank() bool { return strings.Trim(c.text, blanks) == "" }

// Format returns the document laid out so that every Tars reader understands
// it alike: a line for each tag and entry, four blanks a level, every comment a
// # line in which nothing can be taken for a tag, single blank lines only
// between things.
func (d *Document) Format() string {
	f := formatter{}
	f.nodes(d.root, "")
	return f.b.String()
}

type formatter struct {
	b    strings.Builder
	gap  bool // a blank line is wanted before the next thing
	some bool // something stands in this domain already
}

func (f *formatter) line(indent, text string) {
	if f.gap && f.some {
		f.b.WriteByte('\n')
	}
	f.gap, f.some = false, true
	f.b.WriteString(indent)
	f.b.WriteString(text)
	f.b.WriteByte('\n')
}

func (f *formatter) nodes(d *domain, indent string) {
	for _, n := range d.nodes {
		switch n := n.(type) {
		case *entry:
			f.line(indent, n.format())
		case *comment:
			f.comment(n, indent)
		case *domain:
			f.line(indent, "<"+n.name+">")
			f.some = false
			f.nodes(n, indent+"    ")
			f.gap = false
			f.line(indent, "</"+n.name+">")
		}
	}
}

func (e *entry) format() string {
	if e.bare {
		return e.key
	}
	return e.key + "=" + e.value
}

func (f *formatter) comment(c *comment, indent string) {
	if c.blank() {
		f.gap = true
		return
	}
	text := strings.Trim(c.text, blanks)
	if strings.HasPrefix(text, "<?") {
		return
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "<!--"), "-->")
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Trim(line, blanks)
		if line == "" {
			continue
		}
		if line[0] != '#' {
			line = "# " + line
		}
		f.line(indent, escapeComment(line))
	}
}

// escapeComment writes < and & as XML does, because TarsGo looks for tags and
// entities in comments too, and replaces bytes at which it would stop reading.
func escapeComment(line string) string {
	line = strings.ReplaceAll(line, "<", "&lt;")
	line = strings.ReplaceAll(line, "]]>", "]] >")
	var b strings.Builder
	for i, r := range line {
		switch {
		case r == '&' && entityLength(line[i:]) == 0:
			b.WriteString("&amp;")
		case !inXML(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// entityLength is the length of the XML entity s begins with, 0 for none.
func entityLength(s string) int {
	for _, name := range []string{"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"} {
		if strings.HasPrefix(s, name) {
			return len(name)
		}
	}
	return 0
}
