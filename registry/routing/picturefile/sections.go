package picturefile

import (
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// What stands in a file comes in sections, each after its length in bytes: first
// all but the instances, then these in parts. A section refers to no text of
// another one, so that all processors can read at the same time.

// sectionSize is how many instances make a part.
const sectionSize = 2000

// appendSections makes room for all parts when it has seen the first: a picture is
// written by a registry that is serving, where garbage counts.
func appendSections(content []byte, file *File) []byte {
	c := newWriter()
	content = c.appendSection(content, func() { c.frame(file) })
	instances := file.Contents.Instances
	for i := 0; i < len(instances); i += sectionSize {
		part, before := instances[i:min(i+sectionSize, len(instances))], len(content)
		content = c.appendSection(content, func() { c.instances(&part) })
		if i == 0 {
			size := len(content) - before
			content = slices.Grow(content, len(instances)/sectionSize*(size+size/16)+checksumSize)
		}
	}
	return content
}

// appendSection appends what write writes, which begins anew.
func (c *coder) appendSection(content []byte, write func()) []byte {
	c.buf = c.buf[:0]
	clear(c.index)
	write()
	content = binary.AppendUvarint(content, uint64(len(c.buf)))
	return append(content, c.buf...)
}

func decodeSections(body string) (*File, error) {
	sections, err := split(body)
	if err != nil {
		return nil, err
	}
	file := new(File)
	frame := &coder{}
	frame.begin(sections[0])
	frame.frame(file)
	if err := frame.end(); err != nil {
		return nil, err
	}
	file.Contents.Instances, err = decodeInstances(sections[1:])
	return file, err
}

// split finds the sections, of which there is one at least.
func split(body string) (sections []string, err error) {
	c := &coder{rest: body}
	for c.rest != "" || len(sections) == 0 {
		length := c.uvarint()
		if c.err == nil && length > uint64(len(c.rest)) {
			c.fail("a section of %d bytes with %d left", length, len(c.rest))
		}
		if c.err != nil {
			return nil, c.err
		}
		sections = append(sections, c.rest[:length])
		c.rest = c.rest[length:]
	}
	return sections, nil
}

func decodeInstances(sections []string) ([]*naming.Instance, error) {
	parts := make([][]*naming.Instance, len(sections))
	failures := make([]error, len(sections))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(sections)) {
		workers.Go(func() {
			c := &coder{}
			for i := next.Add(1) - 1; i < int64(len(sections)); i = next.Add(1) - 1 {
				c.begin(sections[i])
				c.instances(&parts[i])
				failures[i] = c.end()
			}
		})
	}
	workers.Wait()
	return slices.Concat(parts...), errors.Join(failures...)
}
