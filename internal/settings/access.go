package settings

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"unicode"
)

// maxToken bounds a token: it travels with every call.
const maxToken = 256

// token gives the shared secret from where it was said last; a text and a file
// of the same rank contradict each other.
func (r *reader) token() string {
	text, file := r.find("token"), r.find("token-file")
	switch {
	case text.text == "" && file.text == "":
		return ""
	case text.text != "" && file.text != "" && text.rank == file.rank:
		r.fail(invalid(text.name, "and %s are both given; there can be only one token", file.name))
		return ""
	case file.text != "" && (text.text == "" || file.rank > text.rank):
		return r.tokenFromFile(file)
	default:
		r.checkToken(text.name, text.text)
		return text.text
	}
}

func (r *reader) tokenFromFile(v value) string {
	file, err := os.Open(v.text)
	if err != nil {
		r.fail(invalid(v.name, "cannot be read: %v", reason(err)))
		return ""
	}
	defer func() { _ = file.Close() }() // it was only read
	line, err := bufio.NewReader(io.LimitReader(file, maxToken+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		r.fail(invalid(v.name, "%s cannot be read: %v", quote(v.text), reason(err)))
		return ""
	}
	token := strings.TrimRight(line, "\r\n")
	r.checkToken(v.name+" "+v.text, token)
	return token
}

func (r *reader) checkToken(name, token string) {
	unfit := func(c rune) bool { return c > unicode.MaxASCII || c <= ' ' || c == 0x7f }
	switch {
	case token == "":
		r.fail(invalid(name, "holds no token in its first line"))
	case len(token) > maxToken:
		r.fail(invalid(name, "is a token of more than %d characters", maxToken))
	case strings.ContainsFunc(token, unfit):
		r.fail(invalid(name, "is a token with characters other than visible ASCII in it"))
	}
}

// networks reads a list of networks and addresses, separated by commas.
func (r *reader) networks(name string) []netip.Prefix {
	v := r.find(name)
	var list []netip.Prefix
	if v.text == "" {
		return nil
	}
	for text := range strings.SplitSeq(v.text, ",") {
		prefix, err := parseNetwork(strings.TrimSpace(text))
		if err != nil {
			r.fail(invalid(v.name, "has %s in it; it must be networks such as 10.0.0.0/8 or addresses, separated by commas", quote(text)))
			return nil
		}
		list = append(list, prefix)
	}
	return list
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		return prefix.Masked(), err
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr.WithZone(""), addr.BitLen()), nil
}

// reason cuts the path from a file error, which the message names already.
func reason(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}
