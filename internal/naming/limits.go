package naming

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lengths in characters, each that of the smallest column of all tables that
// the value is written to (R15).
const (
	maxApplication = 50  // t_adapter_conf.application
	maxServer      = 128 // t_server_conf.server_name
	maxNode        = 50  // t_server_conf.node_name
	maxServant     = 93  // t_adapter_conf.adapter_name is 100 and ends in "Adapter"
	maxEndpoint    = 128 // t_adapter_conf.endpoint
	maxProtocol    = 64  // t_adapter_conf.protocol
	maxVersion     = 128 // t_server_conf.patch_version
	maxTemplate    = 128 // t_server_conf.template_name
	maxSetName     = 16  // t_server_conf.set_name
	maxSetArea     = 16  // t_server_conf.set_area
	maxSetGroup    = 64  // t_server_conf.set_group
	maxUID         = 64  // t_registry_lease.uid
)

// NormalizeKey checks the three names of an instance and cuts trailing blanks.
func NormalizeKey(key *Key) error {
	if err := NormalizeNode(&key.Node); err != nil {
		return err
	}
	key.Application = strings.TrimRight(key.Application, " ")
	if err := checkName("application", key.Application, maxApplication, isNameRune); err != nil {
		return err
	}
	key.Server = strings.TrimRight(key.Server, " ")
	return checkName("server", key.Server, maxServer, isNameRune)
}

// NormalizeNode checks a node's name: an address or a host name.
func NormalizeNode(name *string) error {
	*name = strings.TrimRight(*name, " ")
	return checkName("nodeName", *name, maxNode, isNodeRune)
}

// CheckIdentity holds an identity to what can be stored.
func CheckIdentity(identity Identity) error {
	if identity.UID == "" {
		return nil
	}
	return checkName("tars-pod-uid", identity.UID, maxUID, isNodeRune)
}

// CheckPort holds a metrics port to 0 (the default) .. 65535.
func CheckPort(field string, port int32) error {
	if port < 0 || port > 65535 {
		return invalid(field, "is %d; it must be between 0 and 65535", port)
	}
	return nil
}

func checkName(field, text string, limit int, allowed func(rune) bool) error {
	if text == "" {
		return invalid(field, "must not be empty")
	}
	if err := checkLength(field, text, limit); err != nil {
		return err
	}
	for _, r := range text {
		if !allowed(r) {
			return invalid(field, "is %s; the character %q is not allowed in it", quote(text), r)
		}
	}
	return nil
}

// checkText allows what a person may write, except what no name, version or
// template needs and what has broken other programs that read the tables.
func checkText(field, text string, limit int) error {
	if err := checkLength(field, text, limit); err != nil {
		return err
	}
	for _, r := range text {
		if !unicode.IsPrint(r) || strings.ContainsRune("'\"`;\\", r) {
			return invalid(field, "is %s; the character %q is not allowed in it", quote(text), r)
		}
	}
	return nil
}

// CheckPrintable holds a text that another program tells, such as a path or a
// version, to a length in characters and to what can be shown on a line.
func CheckPrintable(field, text string, limit int) error {
	if err := checkLength(field, text, limit); err != nil {
		return err
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return invalid(field, "is %s; the character %q is not allowed in it", quote(text), r)
		}
	}
	return nil
}

func checkLength(field, text string, limit int) error {
	// The length in bytes comes first: it costs nothing and bounds the rest.
	if len(text) > limit*utf8.UTFMax || utf8.RuneCountInString(text) > limit {
		return invalid(field, "is too long (%d bytes); at most %d characters fit its column", len(text), limit)
	}
	if !utf8.ValidString(text) {
		return invalid(field, "is not valid UTF-8")
	}
	return nil
}

func isNameRune(r rune) bool {
	return r < utf8.RuneSelf && (isAlphanumeric(r) || r == '_' || r == '-')
}

func isServantRune(r rune) bool { return isNameRune(r) || r == '.' }

// isNodeRune allows host names, IPv4 and IPv6 addresses with a zone.
func isNodeRune(r rune) bool { return isServantRune(r) || r == ':' || r == '%' }

// isHostRune also allows the brackets that TarsGo's clients want around IPv6.
func isHostRune(r rune) bool { return isNodeRune(r) || r == '[' || r == ']' }

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
