package drain

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
)

func TestSamplerCountsWhatConnectionsCarry(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			sampler, err := NewSampler([]netip.AddrPort{at(listener)})
			if err != nil {
				t.Fatal(err)
			}
			defer sampler.Close()

			client, server := connect(t, listener)
			before := only(t, sampler)
			if before.Remote != client.LocalAddr().String() {
				t.Errorf("remote is %s, want %s", before.Remote, client.LocalAddr())
			}
			exchange(t, client, server, 100)
			after := only(t, sampler)
			if after.ID != before.ID {
				t.Error("the connection's id changed")
			}
			if after.BytesIn-before.BytesIn != 100 || after.SegmentsIn == before.SegmentsIn || after.SegmentsOut != before.SegmentsOut {
				t.Errorf("before %+v, after a request %+v", before, after)
			}
			exchange(t, server, client, 50)
			answered := only(t, sampler)
			if answered.BytesIn != after.BytesIn || answered.SegmentsOut == after.SegmentsOut {
				t.Errorf("before %+v, after the answer %+v", after, answered)
			}
			client.Close()
			if _, err := server.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			server.Close()
			if left, err := sampler.Sample(); err != nil || len(left) != 0 {
				t.Errorf("after the close: %+v, %v", left, err)
			}
		})
	}
}

func at(listener net.Listener) netip.AddrPort { return listener.Addr().(*net.TCPAddr).AddrPort() }

// TestSamplerTellsPodsOfOneMachineApart: the same port at two loopback addresses
// is two servers; without an address, or with one that is no loopback one, the
// port says it all.
func TestSamplerTellsPodsOfOneMachineApart(t *testing.T) {
	one, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	port := at(one).Port()
	other, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	connect(t, one)
	connect(t, other)
	connect(t, other)
	for address, want := range map[string]int{"127.0.0.1": 1, "127.0.0.2": 2, "127.0.0.3": 0, "10.0.0.9": 3, "": 3} {
		parsed, _ := netip.ParseAddr(address) // "" is the zero Addr
		sampler, err := NewSampler([]netip.AddrPort{netip.AddrPortFrom(parsed, port)})
		if err != nil {
			t.Fatal(err)
		}
		all, err := sampler.Sample()
		if err != nil || len(all) != want {
			t.Errorf("listening at %q: %d connections, want %d, %v", address, len(all), want, err)
		}
		sampler.Close()
	}
}

func connect(t *testing.T, listener net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

func exchange(t *testing.T, from io.Writer, to io.Reader, n int) {
	t.Helper()
	if _, err := from.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(to, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, sampler *Sampler) Connection {
	t.Helper()
	all, err := sampler.Sample()
	if err != nil || len(all) != 1 {
		t.Fatalf("sample: %+v, %v", all, err)
	}
	return all[0]
}

func TestSamplerWithManyConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const many = 300 // more than one datagram
	for range many {
		connect(t, listener)
	}
	sampler, err := NewSampler([]netip.AddrPort{at(listener)})
	if err != nil {
		t.Fatal(err)
	}
	defer sampler.Close()
	all, err := sampler.Sample()
	if err != nil || len(all) != many {
		t.Errorf("%d connections, %v", len(all), err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte{})
	f.Add(dumpRequest(2, 80))
	f.Add(append(dumpRequest(2, 80), make([]byte, 300)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, _, err := parseAnswer(b, nil); err == nil && len(got)*sizeofMessage > len(b) {
			t.Errorf("%d connections out of %d bytes", len(got), len(b))
		}
	})
}
