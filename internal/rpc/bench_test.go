package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol"
	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/transport"
	"github.com/TarsCloud/TarsGo/tars/util/current"
	"github.com/TarsCloud/TarsGo/tars/util/rogger"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

func TestMain(m *testing.M) {
	load.ServeChild(map[string]func() (string, error){
		"null":        nullServer,
		"tarsgo-null": tarsGoNullServer,
	})
	rogger.SetLevel(rogger.OFF)
	os.Exit(m.Run())
}

// nullServer answers every call in line with nothing.
func nullServer() (string, error) {
	server := NewServer(Options{})
	server.rest = time.Second
	address, err := server.Listen(context.Background(), "tcp", "127.0.0.1:0", ListenOptions{}, Servant{
		Name:     podObject,
		Inline:   func(*Call, *Reply) bool { return true },
		Dispatch: func(context.Context, *requestf.RequestPacket, *requestf.ResponsePacket) error { return nil },
	})
	if err != nil {
		return "", err
	}
	return address.String(), nil
}

// nullProtocol answers every call on TarsGo's transport with nothing.
type nullProtocol struct{ answer []byte }

func (p nullProtocol) Invoke(ctx context.Context, frame []byte) []byte {
	var id int32
	if err := codec.NewReader(frame[4:]).ReadInt32(&id, 4, true); err != nil {
		return nil
	}
	current.SetPacketTypeFromContext(ctx, 0)
	answer := append([]byte(nil), p.answer...)
	binary.BigEndian.PutUint32(answer[idInAnswer:], uint32(id))
	return answer
}

func (p nullProtocol) ParsePackage(b []byte) (int, int) { return protocol.TarsRequest(b) }
func (p nullProtocol) InvokeTimeout([]byte) []byte      { return nil }
func (p nullProtocol) GetCloseMsg() []byte              { return nil }
func (p nullProtocol) DoClose(context.Context)          {}

// idInAnswer is where nullAnswer has its id: after the length, version (two
// bytes), packet type and the id's head.
const idInAnswer = 4 + 2 + 1 + 1

func nullAnswer() []byte {
	return appendAnswer(nil, &Call{Version: VersionTars, RequestID: math.MaxInt32}, answer{})
}

func tarsGoNullServer() (string, error) {
	rogger.SetLevel(rogger.OFF)
	for port := 20_000 + os.Getpid()%10_000; port < 65_000; port += 7 {
		address := fmt.Sprintf("127.0.0.1:%d", port) // it cannot tell which free port it got
		server := transport.NewTarsServer(nullProtocol{nullAnswer()}, &transport.TarsServerConf{
			Proto: "tcp", Address: address, AcceptTimeout: 500 * time.Millisecond,
			ReadTimeout: 100 * time.Millisecond, IdleTimeout: time.Hour,
			TCPReadBuffer: 128 << 10, TCPWriteBuffer: 128 << 10, TCPNoDelay: true,
		})
		if server.Listen() == nil {
			go func() { _ = server.Serve() }() // until the process ends
			return address, nil
		}
	}
	return "", errors.New("no free port")
}

// BenchmarkNullServant compares this server with TarsGo's transport, turn by
// turn in one run: processor time of the server for a call, and rates. One
// operation is a call to each.
func BenchmarkNullServant(b *testing.B) {
	for _, shape := range []struct{ connections, depth int }{{64, 1}, {256, 1}, {8, 32}} {
		b.Run(fmt.Sprintf("connections=%d/depth=%d", shape.connections, shape.depth), func(b *testing.B) {
			ours, theirs := newContender(b, "null"), newContender(b, "tarsgo-null")
			const turns = 4
			b.ResetTimer()
			for turn := range turns {
				calls := max((b.N+turn)/turns, shape.connections)
				ours.turn(b, shape.connections, shape.depth, calls)
				theirs.turn(b, shape.connections, shape.depth, calls)
			}
			b.StopTimer()
			b.ReportMetric(ours.cpuPerCall(), "cpu-us/call")
			b.ReportMetric(theirs.cpuPerCall(), "tarsgo-cpu-us/call")
			b.ReportMetric(ours.rate()/theirs.rate(), "rate-ratio")
			b.ReportMetric(ours.rate(), "calls/s")
			b.ReportMetric(float64(ours.mallocs)/float64(ours.calls), "mallocs/call")
			b.ReportMetric(float64(ours.latency.Quantile(0.5).Microseconds()), "p50-us")
			b.ReportMetric(float64(ours.latency.Quantile(0.99).Microseconds()), "p99-us")
			b.ReportMetric(float64(ours.latency.Quantile(0.999).Microseconds()), "p99.9-us")
		})
	}
}

// contender is a server under load and what its calls cost so far.
type contender struct {
	process *load.Process
	calls   int64
	cpu     time.Duration
	elapsed time.Duration
	mallocs uint64
	latency load.Histogram
}

func newContender(b *testing.B, name string) *contender {
	process, err := load.Start(name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := process.Stop(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			b.Error(err)
		}
	})
	return &contender{process: process}
}

func (c *contender) turn(b *testing.B, connections, depth, calls int) {
	template := load.NewTemplate(load.Request{
		Servant: podObject, Function: "keepAlive", Body: keepAliveBody("10.0.0.1", "active"), Timeout: 3000,
	})
	before := c.usage(b)
	result, err := load.Run(b.Context(), load.Options{
		Address: c.process.Address, Connections: connections, Depth: depth, Calls: calls,
		Append: func(dst []byte, _, _ int, id int32) []byte { return template.Append(dst, id) },
	})
	if err != nil {
		b.Fatal(err)
	}
	after := c.usage(b)
	if result.Failed > 0 {
		b.Fatalf("%d calls failed", result.Failed)
	}
	c.calls += result.Calls
	c.cpu += after.CPU - before.CPU
	c.elapsed += result.Elapsed
	c.mallocs += after.Mallocs - before.Mallocs
	c.latency.Merge(&result.Latency)
}

func (c *contender) usage(b *testing.B) load.Usage {
	u, err := c.process.Usage()
	if err != nil {
		b.Fatal(err)
	}
	return u
}

func (c *contender) cpuPerCall() float64 {
	return float64(c.cpu.Nanoseconds()) / 1000 / float64(c.calls)
}

func (c *contender) rate() float64 { return float64(c.calls) / c.elapsed.Seconds() }
