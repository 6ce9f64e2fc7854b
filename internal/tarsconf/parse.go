package tarsconf

import (
	"fmt"
	"strings"
)

// maxDepth bounds the nesting of domains; real configurations have five
// levels.
const maxDepth = 100

// SyntaxError says what is wrong with a text and where.
type SyntaxError struct {
	Line int // from 1
	Text string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// Parse reads a configuration. The error is a *SyntaxError. Document.String
// gives the text back byte for byte.
func Parse(text string) (*Document, error) {
	d := New()
	p := parser{stack: []*domain{d.root}}
	for rest := text; rest != ""; {
		p.line++
		end := strings.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		if err := p.parseLine(rest[:end]); err != nil {
			return nil, err
		}
		rest = rest[end:]
	}
	if p.remark != nil {
		return nil, &SyntaxError{p.remark.line, "the comment <!-- has no end -->"}
	}
	if open := p.top(); open != d.root {
		return nil, &SyntaxError{open.line, fmt.Sprintf("<%s> is not closed", open.name)}
	}
	return d, nil
}

type parser struct {
	line   int
	stack  []*domain
	remark *comment // an XML comment whose end has not been seen
}

func (p *parser) top() *domain { return p.stack[len(p.stack)-1] }

func (p *parser) add(n node) {
	top := p.top()
	top.nodes = append(top.nodes, n)
}

func (p *parser) errorf(format string, args ...any) error {
	return &SyntaxError{p.line, fmt.Sprintf(format, args...)}
}

// parseLine takes the pieces of one line, its end included, in turn.
func (p *parser) parseLine(rest string) error {
	for rest != "" {
		n, err := p.piece(rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// piece takes one tag, entry or comment and tells how long its source is.
func (p *parser) piece(rest string) (int, error) {
	if p.remark != nil {
		return p.continueRemark(rest), nil
	}
	body := strings.TrimLeft(rest, blanks)
	switch {
	case body == "" || body[0] == '#':
		p.add(&comment{p.line, rest})
		return len(rest), nil
	case strings.HasPrefix(body, "<!--"):
		p.remark = &comment{line: p.line}
		p.add(p.remark)
		start := len(rest) - len(body) + len("<!--")
		p.remark.text = rest[:start]
		return start, nil
	case body[0] == '<':
		return p.tag(rest, body)
	default:
		return p.entry(rest), nil
	}
}

// blanks are what readers trim; a byte order mark in front of a file is one.
const blanks = " \t\r\n\ufeff"

// untilBlank lengthens a piece that only blanks follow to the line's end.
func untilBlank(rest string, n int) int {
	if strings.Trim(rest[n:], blanks) == "" {
		return len(rest)
	}
	return n
}

func (p *parser) continueRemark(rest string) int {
	n := len(rest)
	end := strings.Index(rest, "-->")
	if end >= 0 {
		n = untilBlank(rest, end+len("-->"))
	}
	p.remark.text += rest[:n]
	if end >= 0 {
		p.remark = nil
	}
	return n
}

func (p *parser) tag(rest, body string) (int, error) {
	end := strings.IndexByte(body, '>')
	if end < 0 {
		return 0, p.errorf("a tag begins with < and has no > in the same line (a < can't stand in a value)")
	}
	n := untilBlank(rest, len(rest)-len(body)+end+1)
	name := strings.Trim(body[1:end], blanks)
	if closed, ok := strings.CutPrefix(name, "/"); ok {
		return n, p.closeTag(strings.Trim(closed, blanks), rest[:n])
	}
	if strings.HasPrefix(name, "?") {
		p.add(&comment{p.line, rest[:n]})
		return n, nil
	}
	return n, p.openTag(name, rest[:n])
}

func (p *parser) openTag(name, source string) error {
	if err := checkName(name); err != nil {
		return p.errorf("<%s>: %s", name, err)
	}
	if len(p.stack) > maxDepth {
		return p.errorf("<%s> is nested deeper than %d domains", name, maxDepth)
	}
	d := &domain{name: name, line: p.line, open: source}
	p.add(d)
	p.stack = append(p.stack, d)
	return nil
}

func (p *parser) closeTag(name, source string) error {
	if len(p.stack) == 1 {
		return p.errorf("</%s> closes nothing", name)
	}
	top := p.top()
	if top.name != name {
		return p.errorf("</%s> stands where <%s> of line %d has to be closed", name, top.name, top.line)
	}
	top.close = source
	p.stack = p.stack[:len(p.stack)-1]
	return nil
}

func (p *parser) entry(rest string) int {
	n := strings.IndexByte(rest, '<')
	if n < 0 {
		n = len(rest)
	}
	e := &entry{line: p.line, text: rest[:n]}
	e.key, e.value, e.bare = splitEntry(rest[:n])
	p.add(e)
	return n
}

// splitEntry cuts at the first = without a backslash before it.
func splitEntry(text string) (key, value string, bare bool) {
	text = strings.Trim(text, blanks)
	for i := range len(text) {
		if text[i] == '=' && (i == 0 || text[i-1] != '\\') {
			return strings.Trim(text[:i], blanks), strings.Trim(text[i+1:], blanks), false
		}
	}
	return text, "", true
}
