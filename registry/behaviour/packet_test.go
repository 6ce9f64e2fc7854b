package behaviour

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

// memory watches how much of it is in use.
type memory struct {
	before, peak uint64
	over         chan struct{}
	done         chan struct{}
}

func watchMemory() *memory {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m := &memory{before: stats.HeapAlloc, over: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-m.over:
				return
			case <-tick.C:
				runtime.ReadMemStats(&stats)
				m.peak = max(m.peak, stats.HeapAlloc)
			}
		}
	}()
	return m
}

// bound ends the watch: so much more than before may have been in use, the
// callers' own part included.
func (m *memory) bound(t *testing.T, most uint64) {
	t.Helper()
	close(m.over)
	<-m.done
	if m.peak > m.before+most {
		t.Errorf("%d MB were in use, %d MB before", m.peak>>20, m.before>>20)
	}
}

// packet encodes a request; its body need not be what the function takes.
func packet(servant, function string, body []byte) []byte {
	p := wire.AppendInt(nil, 1, 1)
	p = wire.AppendInt(p, 2, 0)
	p = wire.AppendInt(p, 3, 0)
	p = wire.AppendInt(p, 4, 1)
	p = wire.AppendString(p, 5, servant)
	p = wire.AppendString(p, 6, function)
	return wire.AppendBytes(p, 7, body) // all that a request has to have
}

// framed puts the length before a packet.
func framed(p []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(4+len(p))), p...)
}

// exchange sends bytes on a connection of its own and gives the answer's return
// code; closed where there is none. An answer has to come, or the end, within the
// time in which a half frame is given up.
func exchange(t *testing.T, address string, data []byte) (code int32, closed bool) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("the registry does not listen any more: %v", err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go func() {
		_, _ = conn.Write(data) // it may be cut off in the middle
	}()
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			t.Fatalf("neither an answer nor the end to %.60q", data)
		}
		return 0, true
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return 0, true
	}
	r := wire.NewReader(body)
	code = r.OptionalInt32(5, 0)
	if r.Err() != nil {
		t.Fatalf("an answer that cannot be read: %v", r.Err())
	}
	return code, false
}

// body encodes a request's only argument.
func body(t *testing.T, req interface {
	WriteBlock(*codec.Buffer, byte) error
}) []byte {
	t.Helper()
	buffer := codec.NewBuffer()
	if err := req.WriteBlock(buffer, 1); err != nil {
		t.Fatal(err)
	}
	return buffer.ToBytes()
}

const podServant = "tars.tarsregistry.Registry"

// bodies is a good body of each method.
func bodies(t *testing.T, i instance) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"onStartup":          body(t, i.startup(func(req *tars.OnStartupReq) { req.Version = "changed" })),
		"keepAlive":          body(t, i.beat("inactive")),
		"onPrestop":          body(t, i.prestop()),
		"registerMetrics":    body(t, i.metrics(9999)),
		"getMetricsAdapters": body(t, &tars.GetMetricsAdaptersReq{Filter: map[string]string{"server": "x"}}),
	}
}

// TestBrokenPackets: an answer or the end, nothing changed, nobody hurt.
func TestBrokenPackets(t *testing.T) {
	d := sqlite(t)
	r := d.start()
	i := pod("Packet", "10.10.3.1")
	r.old().register(i)
	address := r.registry.Addresses().Pod
	before := d.snapshot()
	watch := watchMemory()

	t.Run("truncated", func(t *testing.T) {
		for function, good := range bodies(t, i) {
			whole := packet(podServant, function, good)
			for n := range whole { // the packet, with a length that fits
				if code, closed := exchange(t, address, framed(whole[:n])); !closed && code == 0 {
					t.Errorf("%s cut after %d of %d bytes was taken", function, n, len(whole))
				}
			}
			for n := range good { // the arguments
				code, closed := exchange(t, address, framed(packet(podServant, function, good[:n])))
				if closed || code != -1 {
					t.Errorf("%s with %d of %d bytes of arguments: code %d, closed %v", function, n, len(good), code, closed)
				}
			}
		}
	})
	t.Run("names", func(t *testing.T) {
		for name, test := range map[string]struct {
			servant, function string
			want              int32
		}{
			"unknown servant": {"tars.tarsregistry.Other", "keepAlive", -4}, "no servant": {"", "keepAlive", -4}, "a huge servant": {strings.Repeat("x", 9<<20), "keepAlive", -1},
			"unknown function": {podServant, "keepalive", -3}, "no function": {podServant, "", -3}, "a huge function": {podServant, strings.Repeat("x", 9<<20), -1},
			"another port's servant": {"tars.tarsregistry.QueryObj", "findObjectById", -4},
		} {
			code, closed := exchange(t, address, framed(packet(test.servant, test.function, nil)))
			if closed || code != test.want {
				t.Errorf("%s: code %d, closed %v, want %d", name, code, closed, test.want)
			}
		}
	})
	t.Run("lengths within", func(t *testing.T) {
		for name, args := range lengths(i) {
			for range 3 {
				code, closed := exchange(t, address, framed(packet(podServant, "onStartup", args)))
				if !closed && code == 0 {
					t.Errorf("%s was taken", name)
				}
			}
		}
	})
	t.Run("no Tars", func(t *testing.T) {
		for name, data := range strangers() {
			if _, closed := exchange(t, address, data); !closed {
				t.Errorf("%s was answered", name)
			}
		}
	})
	t.Run("many large ones at once", func(t *testing.T) {
		large := framed(packet(podServant, "onStartup", body(t, i.startup(func(req *tars.OnStartupReq) { req.Version = strings.Repeat("x", 9<<20) }))))
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for range 3 {
					if code, closed := exchange(t, address, large); !closed && code == 0 {
						t.Error("a version of 9 MB was taken")
					}
				}
			})
		}
		group.Wait()
	})

	watch.bound(t, 500<<20)
	d.unchanged("after broken packets", before)
	if r.log.mentions("panic") {
		t.Error("something panicked")
	}
	r.old().beat(i, "inactive")
	r.wantFind(i.servant(), "/10.10.3.1:10000")
}

// lengths are arguments that announce more than they bring, or too much nesting.
func lengths(i instance) map[string][]byte {
	prefix := wire.AppendHead(nil, 1, wire.StructBegin)
	prefix = wire.AppendString(prefix, 0, i.node)
	prefix = wire.AppendString(prefix, 1, i.application)
	prefix = wire.AppendString(prefix, 2, i.server)
	list := map[string][]byte{}
	for _, length := range []int64{-1, -1 << 31, 1<<31 - 1, 10_000_000, 300_000} {
		vector := wire.AppendInt(wire.AppendHead(slices.Clone(prefix), 4, wire.List), 0, length)
		list[fmt.Sprint("a vector of ", length)] = vector
		list[fmt.Sprint("a closed vector of ", length)] = append(slices.Clone(vector), wire.AppendHead(nil, 0, wire.StructEnd)...)
		list[fmt.Sprint("bytes of ", length)] = wire.AppendInt(append(wire.AppendHead(slices.Clone(prefix), 4, wire.SimpleList), 0), 0, length)
		list[fmt.Sprint("a map of ", length)] = wire.AppendInt(wire.AppendHead(slices.Clone(prefix), 4, wire.Map), 0, length)
		text := binary.BigEndian.AppendUint32(wire.AppendHead(slices.Clone(prefix), 3, wire.String4), uint32(length))
		list[fmt.Sprint("a string of ", length)] = append(text, "short"...)
	}
	list["deep structs"] = append(slices.Clone(prefix), []byte(strings.Repeat(string(wire.AppendHead(nil, 11, wire.StructBegin)), 1<<20))...)
	list["deep vectors"] = append(slices.Clone(prefix), []byte(strings.Repeat(string(wire.AppendInt(wire.AppendHead(nil, 11, wire.List), 0, 1)), 1<<20))...)
	list["no field but an unknown one"] = wire.AppendInt(wire.AppendHead(nil, 1, wire.StructBegin), 99, 7)
	list["nothing"] = nil
	list["numbers for names"] = append(wire.AppendInt(wire.AppendInt(wire.AppendInt(wire.AppendHead(nil, 1, wire.StructBegin), 0, 1), 1, 2), 2, 3), wire.AppendHead(nil, 0, wire.StructEnd)...)
	return list
}

// strangers are what nobody who speaks Tars sends.
func strangers() map[string][]byte {
	list := map[string][]byte{
		"an HTTP request": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"a TLS hello":     {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3},
		"a length of 0":   {0, 0, 0, 0}, "a length of 3": {0, 0, 0, 3}, "a length of 4 GB": {0xff, 0xff, 0xff, 0xff},
		"a length of 100 MB": {6, 0x40, 0, 0, 1, 2, 3},
	}
	source := rand.New(rand.NewPCG(1, 2))
	for n := range 20 {
		data := make([]byte, 64)
		for at := range data {
			data[at] = byte(source.Uint32())
		}
		data[0] = 0xff // a length beyond any limit
		list[fmt.Sprint("random bytes ", n)] = data
	}
	return list
}

// TestRandomPackets: good requests with some bytes changed. What still can be read
// may have an effect; nothing may break.
func TestRandomPackets(t *testing.T) {
	d := sqlite(t)
	r := d.start()
	i := pod("Random", "10.10.4.1")
	r.old().register(i)
	watch := watchMemory()
	source := rand.New(rand.NewPCG(3, 4))
	for function, good := range bodies(t, i) {
		whole := packet(podServant, function, good)
		for range 400 {
			broken := slices.Clone(whole)
			for range 1 + source.IntN(3) {
				broken[source.IntN(len(broken))] = byte(source.Uint32())
			}
			if broken[3] == 1 { // one-way: no answer is due
				broken[3] = 0
			}
			exchangeOrSilence(t, r.registry.Addresses().Pod, framed(broken))
		}
	}
	watch.bound(t, 300<<20)
	if r.log.mentions("panic") {
		t.Errorf("something panicked:\n%s", r.log)
	}
	d.consistent()
	r.old().register(i)
	if found := r.find(i.servant()); !strings.HasPrefix(found, "10.10.4.1:10000") { // and whoever came of it besides
		t.Errorf("look-up gives %q", found)
	}
}

// exchangeOrSilence sends a packet, and then a ping on the same connection, so
// that one way or another there is an answer or the end.
func exchangeOrSilence(t *testing.T, address string, data []byte) {
	t.Helper()
	exchange(t, address, append(data, framed(packet(podServant, "tars_ping", nil))...))
}
