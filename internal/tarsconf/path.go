package tarsconf

import (
	"errors"
	"fmt"
	"strings"
)

// splitPath cuts "/a/b<key>" into domains and key. Empty parts are passed
// over, as all readers do, so "/a/b/" is "/a/b".
func splitPath(path string) (domains []string, key string) {
	head, tail, ok := strings.Cut(path, "<")
	if ok {
		key = strings.TrimSuffix(tail, ">")
	}
	for name := range strings.SplitSeq(head, "/") {
		if name != "" {
			domains = append(domains, name)
		}
	}
	return domains, key
}

// checkName says whether the name can be a domain's.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case strings.HasPrefix(name, "!"):
		return errors.New("only comments may begin with <!, as <!--")
	case strings.HasSuffix(name, "/"):
		return errors.New("an empty domain is written with two tags")
	case strings.ContainsAny(name, blanks+"<>/="):
		return errors.New("a domain's name has no blanks and none of < > / =")
	}
	return nil
}

// checkEntry says whether key and value, written as a line, are read back as
// they are.
func checkEntry(key, value string, bare bool) error {
	line := key
	if !bare {
		line += "=" + value
	}
	switch k, v, b := splitEntry(line); {
	case key == "" || key[0] == '#' || key[0] == '<':
		return fmt.Errorf("%q can't be a key", key)
	case strings.ContainsAny(line, "\r\n\x00"):
		return fmt.Errorf("the value of %s has a line break or a zero byte in it", key)
	case strings.Contains(line, "<"):
		return fmt.Errorf("the value of %s has a < in it", key)
	case k != key || v != value || b != bare:
		return fmt.Errorf("%q would be read as something else", line)
	}
	return nil
}
