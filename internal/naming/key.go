package naming

import (
	"cmp"
	"strings"
)

// Key names an instance: one server of an application on one node.
type Key struct {
	Application string
	Server      string
	Node        string
}

// String gives App.Server@node, the form used in logs and messages.
func (k Key) String() string {
	return k.Application + "." + k.Server + "@" + k.Node
}

// ServerName is App.Server, the name t_config_files knows a server by.
func (k Key) ServerName() string {
	return k.Application + "." + k.Server
}

// Fold gives the key that all spellings which the tables hold to be equal have
// in common (R15), for use as a map key.
func (k Key) Fold() Key {
	return Key{Fold(k.Application), Fold(k.Server), Fold(k.Node)}
}

// Compare orders keys by node, application and server: the order in which
// transactions take their locks.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		strings.Compare(k.Node, o.Node),
		strings.Compare(k.Application, o.Application),
		strings.Compare(k.Server, o.Server),
	)
}

// Fold maps all spellings of a name that the collation of Tars' tables holds to
// be equal to one: ASCII letters in lower case, trailing blanks cut (R15). It
// allocates only where the name changes.
func Fold(name string) string {
	name = strings.TrimRight(name, " ")
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return foldUpper(name, i)
		}
	}
	return name
}

func foldUpper(name string, from int) string {
	var folded strings.Builder
	folded.Grow(len(name))
	folded.WriteString(name[:from])
	for i := from; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		folded.WriteByte(c)
	}
	return folded.String()
}

// AppendFold appends Fold(name) to dst without allocating when dst has room.
func AppendFold(dst, name []byte) []byte {
	for len(name) > 0 && name[len(name)-1] == ' ' {
		name = name[:len(name)-1]
	}
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// Folder folds keys one after the other. Names that a key has in common with the one
// before share their memory. The zero value is ready; it is not for concurrent use.
type Folder struct {
	key    Key // the last one
	folded Key
}

// Fold gives key.Fold().
func (f *Folder) Fold(key Key) Key {
	if key.Application != f.key.Application {
		f.folded.Application = Fold(key.Application)
	}
	if key.Server != f.key.Server {
		f.folded.Server = Fold(key.Server)
	}
	if key.Node != f.key.Node {
		f.folded.Node = Fold(key.Node)
	}
	f.key = key
	return f.folded
}
