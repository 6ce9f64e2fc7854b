package picturefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/routing"
)

// File is what is kept: the picture with all that its leases say but for the
// registrations, which only the database needs.
type File struct {
	Taken    time.Time // when the picture was current, to the microsecond
	Contents routing.Contents
	Nodes    []naming.Node
}

// Errors of Read. Where there is no file it is fs.ErrNotExist.
var (
	// ErrDamaged says that the content is not what was written.
	ErrDamaged = errors.New("the picture file is damaged")
	// ErrVersion says that another version of the registry wrote the file.
	ErrVersion = errors.New("the picture file has another version")
)

const (
	name         = "tarsregistry picture "
	format       = 2 // grows with every change of the coding or the order of fields
	checksumSize = 4
)

// header is the first line of a file: it names the format, and by a checksum
// the fields of all types that are in it. A file with other ones cannot be read.
func header() string {
	return fmt.Sprintf("%s%d %08x\n", name, format, checksum(layout(reflect.TypeFor[File]())))
}

// layout describes a type and all that it is made of.
func layout(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return t.Kind().String() + " " + layout(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[naming.Registration]() {
			return t.Name() // coded as one number; left out
		}
		var fields strings.Builder
		for field := range t.Fields() {
			fmt.Fprintf(&fields, "%s %s;", field.Name, layout(field.Type))
		}
		return "{" + fields.String() + "}"
	default:
		return t.Kind().String()
	}
}

// permissions keep the identities of pods from other users.
const permissions = 0o600

// Write puts the file in place of the one there is, atomically and durably.
func Write(path string, file *File) error {
	return atomicfile.Write(path, encode(file), permissions)
}

// Read reads a file and checks it.
func Read(path string) (*File, error) {
	content, err := readText(path)
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	file, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return file, nil
}

// readText reads a file into the string that all texts of it are parts of.
func readText(path string) (content string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.Grow(int(info.Size()))
	if _, err := io.Copy(&text, file); err != nil {
		return "", err
	}
	return text.String(), nil
}

// checksum copies a text by and by, which costs less than another text of it all.
func checksum[T string | []byte](content T) uint32 {
	const step = 16 << 10
	var buf [step]byte
	sum, table := uint32(0), crc32.MakeTable(crc32.Castagnoli)
	for len(content) > 0 {
		n := copy(buf[:], content)
		sum = crc32.Update(sum, table, buf[:n])
		content = content[n:]
	}
	return sum
}

func encode(file *File) []byte {
	content := appendSections([]byte(header()), file)
	return binary.LittleEndian.AppendUint32(content, checksum(content))
}

func decode(content string) (*File, error) {
	if !strings.HasPrefix(content, name) {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrDamaged)
	}
	if len(content) < checksumSize {
		return nil, fmt.Errorf("%w: it ends after %d bytes", ErrDamaged, len(content))
	}
	body, sum := content[:len(content)-checksumSize], content[len(content)-checksumSize:]
	if checksum(body) != binary.LittleEndian.Uint32([]byte(sum)) {
		return nil, fmt.Errorf("%w: its checksum does not match", ErrDamaged)
	}
	body, ours := strings.CutPrefix(body, header())
	if !ours {
		return nil, ErrVersion
	}
	file, err := decodeSections(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return file, nil
}
