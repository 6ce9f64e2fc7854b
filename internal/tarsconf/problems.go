package tarsconf

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Problem is something that one of Tars' readers takes differently from the
// others and that no way of writing can mend.
type Problem struct {
	Line int // in the text that was parsed; 0 for what was added since
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Problems lists what TarsGo or TarsCpp would read differently in the output
// of Format, in the document's order.
func (d *Document) Problems() []Problem {
	return d.root.problems(nil)
}

func (d *domain) problems(found []Problem) []Problem {
	for _, n := range d.nodes {
		switch n := n.(type) {
		case *entry:
			found = n.problems(found)
			if len(d.domains(n.key)) > 0 {
				found = append(found, Problem{n.line, fmt.Sprintf("%s is a key and a domain; TarsGo sees only the later one", n.key)})
			}
		case *domain:
			if !isXMLName(n.name) {
				found = append(found, Problem{n.line, fmt.Sprintf("<%s> is not a name in XML; TarsGo reads nothing behind it", n.name)})
			}
			found = n.problems(found)
		}
	}
	return found
}

func (e *entry) problems(found []Problem) []Problem {
	line := e.format()
	add := func(format string) {
		found = append(found, Problem{e.line, fmt.Sprintf(format, e.key)})
	}
	switch i := strings.IndexByte(line, '&'); {
	case !readableXML(line):
		add("%s has bytes that are not UTF-8 text; TarsGo reads nothing behind it")
	case strings.Contains(line, "]]>"):
		add("%s has ]]> in its line; TarsGo reads nothing behind it")
	case i >= 0 && entityLength(line[i:]) == 0:
		add("%s has a & in its line; TarsGo reads nothing behind it")
	case i >= 0:
		add("%s has an XML entity in its line, which TarsGo replaces and TarsCpp does not")
	}
	switch escapes(line) {
	case escapeKnown:
		add(`%s has a backslash in its line, which TarsCpp takes for an escape and TarsGo does not`)
	case escapeBad:
		add(`%s has a backslash in its line that TarsCpp can't read: it refuses the whole file`)
	}
	return found
}

const (
	escapeNone = iota
	escapeKnown
	escapeBad
)

// escapes tells what TarsCpp makes of the line's backslashes.
func escapes(line string) int {
	found := escapeNone
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		i++
		if i == len(line) || !strings.ContainsRune(`\rnt=`, rune(line[i])) {
			return escapeBad
		}
		found = escapeKnown
	}
	return found
}

func readableXML(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !inXML(r) })
}

// inXML tells whether the character can stand in XML. The one that stands for
// broken bytes counts as broken.
func inXML(r rune) bool {
	return r == '\t' || r >= ' ' && r < utf8.RuneError
}

// isXMLName asks the reader TarsGo uses; a colon would cut the name in two.
func isXMLName(name string) bool {
	if strings.Contains(name, ":") {
		return false
	}
	dec := xml.NewDecoder(strings.NewReader("<" + name + "></" + name + ">"))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return false
		}
		if start, ok := token.(xml.StartElement); ok && (start.Name.Local != name || len(start.Attr) > 0) {
			return false
		}
	}
}
