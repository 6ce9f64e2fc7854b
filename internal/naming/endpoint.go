package naming

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Transport is the first word of an endpoint string. Its values are those of
// EndpointF.istcp.
type Transport int32

// The transports of EndpointF.istcp.
const (
	UDP Transport = 0
	TCP Transport = 1
	SSL Transport = 2
)

// String gives the word that an endpoint string begins with.
func (t Transport) String() string {
	switch t {
	case UDP:
		return "udp"
	case SSL:
		return "ssl"
	default:
		return "tcp"
	}
}

// Endpoint is a parsed endpoint string such as "tcp -h 10.0.0.1 -p 80 -t 60000".
type Endpoint struct {
	Transport  Transport
	Host       string
	Port       int32
	Timeout    int32 // ms
	Weight     int32 // -1: none given
	WeightType int32
	AuthType   int32
}

// Address is host:port, with IPv6 in brackets.
func (e Endpoint) Address() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

// String gives the endpoint as Tars writes it, without what is default.
func (e Endpoint) String() string {
	text := fmt.Sprintf("%s -h %s -p %d -t %d", e.Transport, e.Host, e.Port, e.Timeout)
	if e.WeightType != 0 {
		text += fmt.Sprintf(" -v %d", e.WeightType)
	}
	if e.Weight >= 0 {
		text += fmt.Sprintf(" -w %d", e.Weight)
	}
	if e.AuthType != 0 {
		text += fmt.Sprintf(" -e %d", e.AuthType)
	}
	return text
}

// ParseEndpoint reads an endpoint string by the rules of the C++ registry
// (routing.md, "Endpoint strings"): a transport in lower case, then options of a
// dash, one letter and an argument. Unknown options are passed over, the last of
// a repeated one counts. Missing: host 0.0.0.0, port 0, timeout 3000 ms, weight
// -1 (100 where the weight type is not 0, and 100 at most there).
func ParseEndpoint(text string) (Endpoint, error) {
	transport, rest := nextWord(text)
	if transport == "" {
		return Endpoint{}, fmt.Errorf("endpoint %s is empty", quote(text))
	}
	endpoint := Endpoint{Host: "0.0.0.0", Timeout: 3000, Weight: -1}
	switch transport {
	case "tcp":
		endpoint.Transport = TCP
	case "udp":
		endpoint.Transport = UDP
	case "ssl":
		endpoint.Transport = SSL
	default:
		return Endpoint{}, fmt.Errorf("endpoint %s must begin with tcp, udp or ssl", quote(text))
	}
	for word, rest := nextWord(rest); word != ""; word, rest = nextWord(rest) {
		letter, err := option(word)
		if err != nil {
			return Endpoint{}, fmt.Errorf("endpoint %s: %w", quote(text), err)
		}
		argument, after := nextWord(rest)
		if strings.HasPrefix(argument, "-") {
			argument = "" // the next option
		} else {
			rest = after
		}
		if err := endpoint.set(letter, argument); err != nil {
			return Endpoint{}, fmt.Errorf("endpoint %s: %w", quote(text), err)
		}
	}
	endpoint.settleWeight()
	return endpoint, nil
}

// nextWord cuts the first word off a text, "" where there is none; blanks are
// those of Unicode. Every endpoint there is comes by here at a start.
func nextWord(text string) (word, rest string) {
	start := 0
	for start < len(text) && blank(text[start]) {
		start++
	}
	end := start
	for end < len(text) && text[end] < utf8.RuneSelf && !blank(text[end]) {
		end++
	}
	if end < len(text) && text[end] >= utf8.RuneSelf {
		return nextUnicodeWord(text)
	}
	return text[start:end], text[end:]
}

// blank says that a character of ASCII is white space.
func blank(c byte) bool { return c == ' ' || ('\t' <= c && c <= '\r') }

func nextUnicodeWord(text string) (word, rest string) {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}

// option reads the letter of an option.
func option(word string) (letter byte, err error) {
	if len(word) != 2 || word[0] != '-' {
		return 0, fmt.Errorf("%s is not an option", quote(word))
	}
	return word[1], nil
}

func (e *Endpoint) set(letter byte, argument string) error {
	switch letter {
	case 'h':
		if argument == "" {
			return errors.New("-h has no argument")
		}
		if e.Host = argument; argument == "*" {
			e.Host = "0.0.0.0"
		}
		return nil
	case 'p':
		return number(letter, argument, 0, 65535, &e.Port)
	case 't':
		return number(letter, argument, -1<<31, 1<<31-1, &e.Timeout)
	case 'w':
		return number(letter, argument, -1<<31, 1<<31-1, &e.Weight)
	case 'v':
		return number(letter, argument, -1<<31, 1<<31-1, &e.WeightType)
	case 'e':
		return number(letter, argument, 0, 1, &e.AuthType)
	case 'g', 'q':
		var ignored int32 // always sent as 0, but it must be a number
		return number(letter, argument, -1<<31, 1<<31-1, &ignored)
	default:
		return nil
	}
}

func number(letter byte, argument string, low, high int64, into *int32) error {
	value, err := strconv.ParseInt(argument, 10, 64)
	if err != nil {
		return fmt.Errorf("-%c %s is not a number", letter, quote(argument))
	}
	if value < low || value > high {
		return fmt.Errorf("-%c %d is not between %d and %d", letter, value, low, high)
	}
	*into = int32(value)
	return nil
}

func (e *Endpoint) settleWeight() {
	if e.WeightType == 0 {
		return
	}
	if e.Weight < 0 || e.Weight > 100 {
		e.Weight = 100
	}
}

// ObjectPort reads the port of a proxy string such as
// "tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 19385 -t 60000"; false where it has
// no endpoint that parses.
func ObjectPort(object string) (int32, bool) {
	_, text, found := strings.Cut(object, "@")
	if !found {
		return 0, false
	}
	endpoint, err := ParseEndpoint(text)
	if err != nil {
		return 0, false
	}
	return endpoint.Port, true
}
