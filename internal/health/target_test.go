package health

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// serve accepts on loopback and hands each connection to handle.
func serve(t *testing.T, handle func(net.Conn)) naming.Endpoint {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	address := listener.Addr().(*net.TCPAddr)
	return naming.Endpoint{Transport: naming.TCP, Host: "127.0.0.1", Port: int32(address.Port)}
}

func readPacket(conn net.Conn) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(length[:])-4)
	_, err := io.ReadFull(conn, body)
	return body, err
}

// answerPing answers as a Tars server does: a packet, whatever is in it.
func answerPing(conn net.Conn) {
	body, err := readPacket(conn)
	if err == nil && strings.Contains(string(body), "tars_ping") {
		_, _ = conn.Write([]byte{0, 0, 0, 5, 0x10}) // who hangs up fails its own test
	}
}

func hold(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestCheck(t *testing.T) {
	closed := serve(t, hold)
	listener, err := net.Listen("tcp", closed.Address())
	if err == nil {
		listener.Close()
		t.Fatal("two listeners on one port")
	}
	free := freePort(t)
	const silent = "no answer in time"
	for _, tt := range []struct {
		name     string
		protocol string
		endpoint naming.Endpoint
		fails    string // empty: well
	}{
		{"tars server", "tars", serve(t, answerPing), ""},
		{"tars server by default", "", serve(t, answerPing), ""},
		{"silent", "tars", serve(t, hold), silent},
		{"silent but not tars", "not_tars", serve(t, hold), ""},
		{"silent http", "http", serve(t, hold), ""},
		{"http that is called tars", "tars", serve(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			hold(c)
		}), ""},
		{"closes without a word", "tars", serve(t, func(c net.Conn) { _, _ = readPacket(c) }), "closed without an answer"},
		{"nobody listens", "not_tars", free, "connection refused"},
		{"nobody listens, tars", "tars", free, "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := Target{Adapter: "A.B.ObjAdapter", Servant: "A.B.Obj", Protocol: tt.protocol, Endpoint: tt.endpoint}
			timeout := 20 * time.Second // far longer than anybody takes
			if tt.fails == silent {
				timeout = 500 * time.Millisecond // enough to connect
			}
			err := Check(t.Context(), []Target{target}, timeout)
			if tt.fails == "" && err != nil {
				t.Errorf("not well: %v", err)
			}
			if tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails) || !strings.Contains(err.Error(), "A.B.ObjAdapter")) {
				t.Errorf("error %v, want one with the adapter's name and %q", err, tt.fails)
			}
		})
	}
}

func TestCheckNamesEachAdapterThatFails(t *testing.T) {
	free := freePort(t)
	targets := []Target{
		{Adapter: "first", Protocol: "http", Endpoint: free},
		{Adapter: "second", Protocol: "tars", Endpoint: serve(t, answerPing)},
		{Adapter: "third", Protocol: "http", Endpoint: free},
	}
	err := Check(t.Context(), targets, 20*time.Second)
	if err == nil {
		t.Fatal("well")
	}
	text := err.Error()
	if !strings.Contains(text, "first") || !strings.Contains(text, "third") || strings.Contains(text, "second") {
		t.Errorf("got %q", text)
	}
}

func TestConnectDoesNotPing(t *testing.T) {
	target := Target{Adapter: "a", Protocol: "tars", Endpoint: serve(t, hold)}
	if err := Connect(t.Context(), []Target{target}, 5*time.Second); err != nil {
		t.Error(err)
	}
	if target.Protocol != "tars" {
		t.Error("the caller's target was changed")
	}
}

func TestUnspecifiedAddressIsLoopback(t *testing.T) {
	endpoint := serve(t, answerPing)
	endpoint.Host = "0.0.0.0"
	if err := Check(t.Context(), []Target{{Adapter: "a", Endpoint: endpoint}}, 5*time.Second); err != nil {
		t.Error(err)
	}
	six := Target{Endpoint: naming.Endpoint{Host: "::", Port: 80}}
	if got := six.address(); got != "[::1]:80" {
		t.Errorf("got %s", got)
	}
}

// freePort is where nobody listens as long as the test runs.
func freePort(t *testing.T) naming.Endpoint {
	t.Helper()
	return naming.Endpoint{Transport: naming.TCP, Host: "127.0.0.1", Port: int32(mariadbtest.Port(t))}
}
