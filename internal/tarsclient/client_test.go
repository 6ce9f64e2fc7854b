package tarsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/adminf"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
)

// admin is a servant on TarsGo's generated code: a peer that shares nothing
// with this package.
type admin struct{}

func (admin) Shutdown() error { return nil }

func (admin) Notify(command string) (string, error) {
	if command == "fail" {
		return "", errors.New("refused")
	}
	return "did " + command, nil
}

// serveAdmin answers every request of the connections it accepts, after what
// before makes of the answer.
func serveAdmin(t *testing.T, l net.Listener, before func(req *requestf.RequestPacket, rsp *requestf.ResponsePacket) []byte) string {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveConn(conn, before)
		}
	}()
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("tcp -h %s -p %s -t 3000", host, port)
}

func serveConn(conn net.Conn, before func(*requestf.RequestPacket, *requestf.ResponsePacket) []byte) {
	defer conn.Close()
	for {
		packet, err := readFrame(conn)
		if err != nil {
			return
		}
		var req requestf.RequestPacket
		if err := req.ReadFrom(codec.NewReader(packet)); err != nil {
			return
		}
		var rsp requestf.ResponsePacket
		if err := new(adminf.AdminF).Dispatch(context.Background(), admin{}, &req, &rsp, false); err != nil {
			rsp = requestf.ResponsePacket{IVersion: 1, IRequestId: req.IRequestId, IRet: 7, SResultDesc: err.Error()}
		}
		rsp.Context = req.Context
		out := []byte(nil)
		if before != nil {
			out = before(&req, &rsp)
		}
		if _, err := conn.Write(append(out, frame(&rsp)...)); err != nil {
			return
		}
	}
}

func frame(rsp *requestf.ResponsePacket) []byte {
	buf := codec.NewBuffer()
	if err := rsp.WriteTo(buf); err != nil {
		panic(err)
	}
	body := buf.ToBytes()
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func notify(command string) Request {
	buf := codec.NewBuffer()
	if err := buf.WriteString(command, 1); err != nil {
		panic(err)
	}
	return Request{Servant: "AdminObj", Function: "notify", Body: buf.ToBytes(), Context: map[string]string{"tars-token": "x", "a": "b"}}
}

func returned(t *testing.T, r Response) string {
	t.Helper()
	var s string
	if err := codec.NewReader(r.Body).ReadString(&s, 0, true); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInvoke(t *testing.T) {
	push := func(req *requestf.RequestPacket, rsp *requestf.ResponsePacket) []byte {
		rsp.Status = map[string]string{"tars-worker-id": "4", "function": req.SFuncName, "servant": req.SServantName}
		return frame(&requestf.ResponsePacket{IVersion: 1}) // a push, to be passed over
	}
	endpoint := serveAdmin(t, listen(t, "127.0.0.1:0"), push)
	got, err := new(Dialer).Invoke(t.Context(), endpoint, notify("clean n"))
	if err != nil {
		t.Fatal(err)
	}
	if s := returned(t, got); s != "did clean n" {
		t.Errorf("returned %q", s)
	}
	want := map[string]string{"tars-worker-id": "4", "function": "notify", "servant": "AdminObj"}
	if fmt.Sprint(got.Status) != fmt.Sprint(want) {
		t.Errorf("status = %v, want %v", got.Status, want)
	}
	if got.Context["tars-token"] != "x" || got.Context["a"] != "b" {
		t.Errorf("context = %v", got.Context)
	}
}

func TestSeveralCallsOnOneConnection(t *testing.T) {
	endpoint := serveAdmin(t, listen(t, "127.0.0.1:0"), nil)
	conn, err := new(Dialer).Dial(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Invoke(t.Context(), notify("fail")); err == nil {
		t.Error("a call that failed has no error")
	}
	for i := range 3 {
		got, err := conn.Invoke(t.Context(), notify(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		if s := returned(t, got); s != fmt.Sprint("did ", i) {
			t.Errorf("call %d returned %q", i, s)
		}
	}
}

func TestServerErrors(t *testing.T) {
	endpoint := serveAdmin(t, listen(t, "127.0.0.1:0"), nil)
	_, err := new(Dialer).Invoke(t.Context(), endpoint, notify("fail"))
	var failed *ServerError
	if !errors.As(err, &failed) || failed.Code != 7 || failed.Text != "refused" {
		t.Errorf("error = %v, want code 7, refused", err)
	}
	if s := (&ServerError{Code: -3}).Error(); !strings.Contains(s, "no such function") {
		t.Errorf("text of code -3: %s", s)
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatalf("this machine has no IPv6 loopback: %v", err)
	}
	endpoint := serveAdmin(t, l, nil)
	for _, e := range []string{
		endpoint,
		strings.Replace(endpoint, "-h ::1", "-h [::1]", 1),
		strings.Replace(endpoint, "-h ::1", "-h ::", 1),
	} {
		if _, err := new(Dialer).Invoke(t.Context(), e, notify("x")); err != nil {
			t.Errorf("%s: %v", e, err)
		}
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer web.Close()
	l := tls.NewListener(listen(t, "127.0.0.1:0"), web.TLS)
	endpoint := strings.Replace(serveAdmin(t, l, nil), "tcp", "ssl", 1)
	trusted := web.Client().Transport.(*http.Transport).TLSClientConfig
	if _, err := (&Dialer{TLS: trusted}).Invoke(t.Context(), endpoint, notify("x")); err != nil {
		t.Error(err)
	}
	if _, err := new(Dialer).Invoke(t.Context(), endpoint, notify("x")); err == nil {
		t.Error("a certificate nobody vouches for was taken")
	}
}

func TestUnusableEndpoints(t *testing.T) {
	closed := listen(t, "127.0.0.1:0")
	address := closed.Addr().(*net.TCPAddr)
	closed.Close()
	for _, endpoint := range []string{"", "http -h x -p 1", "udp -h 127.0.0.1 -p 1", fmt.Sprintf("tcp -h 127.0.0.1 -p %d", address.Port)} {
		if _, err := new(Dialer).Invoke(t.Context(), endpoint, notify("x")); err == nil {
			t.Errorf("a call to %q worked", endpoint)
		}
	}
}

// A server that is silent, hangs up or talks nonsense ends the call with an
// error, and the connection with it.
func TestBadServers(t *testing.T) {
	huge := binary.BigEndian.AppendUint32(nil, 1<<31)
	good := frame(&requestf.ResponsePacket{IVersion: 1, IRequestId: 1, SBuffer: []int8{1, 2, 3}})
	for name, answer := range map[string][]byte{
		"nothing":        {},
		"zero length":    {0, 0, 0, 0},
		"short length":   {0, 0, 0, 4},
		"huge length":    huge,
		"http":           []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"half an answer": good[:len(good)-4],
		"no fields":      {0, 0, 0, 5, 0xff},
		"other version":  frame(&requestf.ResponsePacket{IVersion: 3, IRequestId: 1}),
		"long vector":    {0, 0, 0, 12, 0x10, 1, 0x6d, 0x00, 0x02, 0x7f, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0")
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				if _, err := readFrame(conn); err == nil {
					_, _ = conn.Write(answer) // who does not read it fails the test
				}
			}()
			conn, err := new(Dialer).Dial(t.Context(), fmt.Sprintf("tcp -h 127.0.0.1 -p %d", l.Addr().(*net.TCPAddr).Port))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var failed *ServerError
			if _, err := conn.Invoke(t.Context(), notify("x")); err == nil || errors.As(err, &failed) {
				t.Errorf("error = %v, want one of the connection", err)
			}
			if _, err := conn.Invoke(t.Context(), notify("x")); err == nil || !strings.Contains(err.Error(), "no more use") {
				t.Errorf("second call on a broken connection: %v", err)
			}
		})
	}
}

func TestSilentServer(t *testing.T) {
	l := listen(t, "127.0.0.1:0") // its backlog accepts, nobody answers
	defer l.Close()
	endpoint := fmt.Sprintf("tcp -h 127.0.0.1 -p %d", l.Addr().(*net.TCPAddr).Port)
	if _, err := (&Dialer{Timeout: time.Millisecond}).Invoke(t.Context(), endpoint, notify("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the timeout", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := new(Dialer).Dial(ctx, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if _, err := conn.Invoke(ctx, notify("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the cancellation", err)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	packet, err := appendRequest(nil, 9, 1500*time.Millisecond, notify("x"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := readFrame(bytes.NewReader(packet))
	if err != nil {
		t.Fatal(err)
	}
	var req requestf.RequestPacket
	if err := req.ReadFrom(codec.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	if req.IVersion != 1 || req.IRequestId != 9 || req.ITimeout != 1500 || req.SServantName != "AdminObj" || req.SFuncName != "notify" || req.Context["a"] != "b" {
		t.Errorf("TarsGo reads %+v", req)
	}
	if _, err := appendRequest(nil, 1, time.Second, Request{Body: make([]byte, maxFrame)}); err == nil {
		t.Error("a request that no server takes was sent")
	}
}

// No answer panics or costs more memory than it has bytes.
func FuzzParseResponse(f *testing.F) {
	f.Add(frame(&requestf.ResponsePacket{IVersion: 1, IRequestId: 1, SBuffer: []int8{1}, Status: map[string]string{"a": "b"}})[4:])
	f.Add([]byte{0x10, 1, 0x78, 0x02, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, packet []byte) {
		a, err := parseResponse(packet)
		if err == nil && len(a.response.Body) > len(packet) {
			t.Error("the body is longer than its packet")
		}
		if _, err := readFrame(bytes.NewReader(packet)); err == io.EOF { //nolint:errorlint // wrapped with words it may be one
			t.Error("a bare EOF says nothing")
		}
	})
}
