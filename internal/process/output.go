package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// partialLineWait is how long the beginning of a line may wait for its end.
	partialLineWait = 200 * time.Millisecond
	// longestLine is the length at which a line is passed on in parts.
	longestLine = 64 << 10
)

// output is the three standard streams of a process that is being started.
type output struct {
	stdin, stdout, stderr *os.File
	childEnds             []*os.File
	pumps                 []pump
}

type pump struct {
	from *os.File
	to   io.Writer
}

func openOutput(c Command) (*output, error) {
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	out := &output{stdin: stdin, childEnds: []*os.File{stdin}}
	if out.stdout, err = out.stream(c.Stdout); err != nil {
		out.closeAll()
		return nil, err
	}
	if out.stderr, err = out.stream(c.Stderr); err != nil {
		out.closeAll()
		return nil, err
	}
	return out, nil
}

// stream returns the file that the process writes to so that it reaches w.
func (out *output) stream(w io.Writer) (*os.File, error) {
	if f, ok := w.(*os.File); ok && f != nil {
		return f, nil
	}
	if w == nil {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		out.childEnds = append(out.childEnds, null)
		return null, nil
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open an output pipe: %w", err)
	}
	out.childEnds = append(out.childEnds, to)
	out.pumps = append(out.pumps, pump{from: from, to: w})
	return to, nil
}

func (out *output) closeChildEnds() {
	for _, f := range out.childEnds {
		_ = f.Close() // nothing was written to it here
	}
}

func (out *output) closeParentEnds() {
	for _, p := range out.pumps {
		_ = p.from.Close() // nothing is written to it here
	}
}

func (out *output) closeAll() {
	out.closeChildEnds()
	out.closeParentEnds()
}

// run passes whole lines on as they come, so that two streams never mix within
// one, and the beginning of a line when its end is late.
func (p pump) run() {
	defer func() { _ = p.from.Close() }() // only read from
	buf := make([]byte, 0, longestLine)
	for {
		n, err := p.from.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		cut := bytes.LastIndexByte(buf, '\n') + 1
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if late || len(buf) == cap(buf) || (err != nil && !late) {
			cut = len(buf)
		}
		// A container's log that cannot be written to must not stop the
		// server: what does not fit is lost, the pipe is emptied all the same.
		if cut > 0 {
			_, _ = p.to.Write(buf[:cut])
		}
		buf = buf[:copy(buf, buf[cut:])]
		if err != nil && !late {
			return
		}
		deadline := time.Time{}
		if len(buf) > 0 {
			deadline = time.Now().Add(partialLineWait)
		}
		if err := p.from.SetReadDeadline(deadline); err != nil {
			return
		}
	}
}
