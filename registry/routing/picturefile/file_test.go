package picturefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
)

// fill gives every field of a value something of its own, lists two elements.
func fill(v reflect.Value, next *int) {
	*next++
	switch v.Kind() {
	case reflect.String:
		v.SetString("text " + strconv.Itoa(*next))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*next * 1000003))
		if *next%2 == 0 {
			v.SetInt(-v.Int())
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), next)
		fill(v.Index(1), next)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, next)
		}
	default:
		panic("what is a " + v.Kind().String())
	}
}

// full is a file with something in every field of every type, those included
// that are added to them later.
func full() *File {
	file := &File{Taken: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
	next := 0
	fill(reflect.ValueOf(&file.Contents).Elem(), &next)
	fill(reflect.ValueOf(&file.Nodes).Elem(), &next)
	for _, instance := range file.Contents.Instances {
		instance.Lease.Registration = nil // not kept
	}
	return file
}

// difference finds where two values differ first, "" where they do not.
func difference(wrote, read reflect.Value, path string) string {
	if reflect.DeepEqual(wrote.Interface(), read.Interface()) {
		return ""
	}
	switch {
	case wrote.Kind() == reflect.Pointer && !wrote.IsNil() && !read.IsNil():
		return difference(wrote.Elem(), read.Elem(), path)
	case wrote.Kind() == reflect.Struct && wrote.Type() != reflect.TypeFor[time.Time]():
		for field, value := range wrote.Fields() {
			if d := difference(value, read.FieldByIndex(field.Index), path+"."+field.Name); d != "" {
				return d
			}
		}
	case wrote.Kind() == reflect.Slice && wrote.Len() == read.Len():
		for i := range wrote.Len() {
			if d := difference(wrote.Index(i), read.Index(i), path+"["+strconv.Itoa(i)+"]"); d != "" {
				return d
			}
		}
	}
	return fmt.Sprintf("%s: wrote %+v, read %+v", path, wrote, read)
}

func TestRoundTrip(t *testing.T) {
	bare := full()
	bare.Contents.Instances[0].Server = nil
	bare.Contents.Instances[0].Adapters = nil
	bare.Contents.Instances[1].Lease = nil
	for name, file := range map[string]*File{
		"every field": full(),
		"parts":       bare,
		"empty":       {Taken: time.UnixMicro(0).UTC()},
		"fleet":       {Taken: time.UnixMicro(1).UTC(), Contents: routing.Contents{Instances: routingtest.Fleet(20, 30)}},
		"sections":    {Taken: time.UnixMicro(2).UTC(), Contents: routing.Contents{Instances: routingtest.Fleet(11, sectionSize/5)}},
	} {
		path := filepath.Join(t.TempDir(), "data", "picture")
		for range 2 { // made, and replaced
			if err := Write(path, file); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		read, err := Read(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := difference(reflect.ValueOf(*file), reflect.ValueOf(*read), "File"); d != "" {
			t.Errorf("%s: %s (a new field needs a line in fields.go)", name, d)
		}
	}
}

func TestDamage(t *testing.T) {
	good := encode(full())
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x20
		if _, err := decode(string(bad)); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := decode(string(good[:i])); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := decode(string(append(good, 0))); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	folder := t.TempDir()
	if _, err := Read(filepath.Join(folder, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	other := []byte(name + "1 00000000\n" + "whatever that version has")
	other = binary.LittleEndian.AppendUint32(other, checksum(other))
	path := filepath.Join(folder, "other")
	if err := os.WriteFile(path, other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
}

// FuzzDecode: whatever passes the checksum is an error or a file, and a file is
// what is written of it.
func FuzzDecode(f *testing.F) {
	body := func(file *File) string { return string(appendSections(nil, file)) }
	f.Add(body(full()))
	f.Add(body(&File{}))
	f.Add(body(&File{Contents: routing.Contents{Rules: []naming.GroupRule{{ID: -1, Name: "a"}, {ID: 1, Name: "a"}}}}))
	f.Fuzz(func(t *testing.T, body string) {
		file, err := decodeSections(body)
		if err != nil {
			return
		}
		again, err := decode(string(encode(file)))
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if !reflect.DeepEqual(file, again) {
			t.Errorf("%+v\nbecame\n%+v", file, again)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "picture")
	if err := Write(path, &File{Contents: routing.Contents{Instances: routingtest.Fleet(1000, 100)}}); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size()), "bytes")
	b.Run("file", func(b *testing.B) {
		for b.Loop() {
			if _, err := Read(path); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("file and picture", func(b *testing.B) {
		for b.Loop() {
			file, err := Read(path)
			if err != nil {
				b.Fatal(err)
			}
			routing.NewTable(routing.Options{}).Replace(file.Contents)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "picture")
	file := &File{Contents: routing.Contents{Instances: routingtest.Fleet(1000, 100)}}
	for b.Loop() {
		if err := Write(path, file); err != nil {
			b.Fatal(err)
		}
	}
}
