package settings

import (
	"net/netip"
	"strings"
)

// host reads an address or a host name; IPv6 may stand in brackets.
func (r *reader) host(v value) string {
	text := v.text
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	if text == "" && v.rank == byDefault {
		return ""
	}
	if _, err := netip.ParseAddr(text); err != nil && !isHostName(text) {
		r.fail(invalid(v.name, "is %s; it must be an address or a host name, without a port", quote(v.text)))
	}
	return text
}

// isHostName allows what DNS and container networks use. A name whose last
// label is a number is an address with a mistake in it.
func isHostName(text string) bool {
	if text == "" || len(text) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) ||
			label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return strings.Trim(label, "0123456789") != ""
}

func notInName(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
}

// isUnspecified tells the hosts that listen everywhere and lead nowhere.
func isUnspecified(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsUnspecified()
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}
