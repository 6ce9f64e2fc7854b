package tarsclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Request is a call to make.
type Request struct {
	Servant  string // for example tars.tarsregistry.QueryObj, or AdminObj
	Function string
	Body     []byte // the encoded arguments, tags from 1
	JSON     bool   // Body and the answer's are JSON objects of named arguments
	Context  map[string]string
	Status   map[string]string
}

// Response is the answer to a call that the server carried out.
type Response struct {
	Body    []byte // the encoded return value, tag 0, and out parameters
	Status  map[string]string
	Context map[string]string
}

// ServerError is an answer that says the call failed: Code is Tars' (-3 no such
// function, -4 no such servant, -9 overloaded, …) or the servant's own.
type ServerError struct {
	Code int32
	Text string // the server's description, often empty
}

func (e *ServerError) Error() string {
	text := "the server answered with code " + fmt.Sprint(e.Code)
	if known := codeName(e.Code); known != "" {
		text += " (" + known + ")"
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// codeName is "" for the codes that Tars does not name.
func codeName(code int32) string {
	switch code {
	case -1:
		return "cannot decode"
	case -2:
		return "cannot encode"
	case -3:
		return "no such function"
	case -4:
		return "no such servant"
	case -6:
		return "timed out in its queue"
	case -7:
		return "timed out"
	case -9:
		return "overloaded"
	default:
		return ""
	}
}

// Dialer says how to connect. The zero value is ready to use.
type Dialer struct {
	// TLS is used for ssl endpoints; nil means the system's roots and the
	// endpoint's host as the server's name.
	TLS *tls.Config
	// Timeout bounds every call whose context has no earlier deadline; 0
	// means 5 s.
	Timeout time.Duration
}

const defaultTimeout = 5 * time.Second

// Invoke dials the endpoint ("tcp -h 127.0.0.1 -p 13000 -t 5000"), makes one
// call and hangs up. Errors: *ServerError, what the context says, else what the
// network says; all but the first name the endpoint.
func (d *Dialer) Invoke(ctx context.Context, endpoint string, request Request) (Response, error) {
	ctx, cancel := d.bound(ctx)
	defer cancel()
	conn, err := d.Dial(ctx, endpoint)
	if err != nil {
		return Response{}, err
	}
	response, err := conn.Invoke(ctx, request)
	return response, errors.Join(err, conn.Close())
}

func (d *Dialer) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return context.WithTimeout(ctx, timeout)
}

// Dial connects to the endpoint, whose transport is tcp or ssl. An unspecified
// host is this machine. The context bounds the connecting only.
func (d *Dialer) Dial(ctx context.Context, endpoint string) (*Conn, error) {
	parsed, err := naming.ParseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	parsed.Host = dialHost(parsed.Host)
	if parsed.Transport == naming.UDP {
		return nil, fmt.Errorf("call %q: udp endpoints can't be called", endpoint)
	}
	ctx, cancel := d.bound(ctx)
	defer cancel()
	dialer := &net.Dialer{}
	conn, err := dialer.DialContext(ctx, "tcp", parsed.Address())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if parsed.Transport == naming.SSL {
		secure := tls.Client(conn, d.tlsConfig(parsed.Host))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS with %s: %w", parsed.Address(), err), conn.Close())
		}
		conn = secure
	}
	return &Conn{conn: conn, timeout: d.Timeout}, nil
}

// dialHost takes the brackets off that some write around IPv6, and turns the
// address that only listeners can use into one that callers can.
func dialHost(host string) string {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if ip.To4() == nil {
			return "::1"
		}
		return "127.0.0.1"
	}
	return host
}

func (d *Dialer) tlsConfig(host string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.TLS != nil {
		config = d.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	return config
}

// Conn is a connection for calls that are made one after the other. It is not
// safe for use by several goroutines at once, Close apart. After an error that
// is not a *ServerError it can only be closed.
type Conn struct {
	conn    net.Conn
	timeout time.Duration
	id      int32
	broken  error
}

// Close hangs up; a call that is under way fails.
func (c *Conn) Close() error { return c.conn.Close() }

// RemoteAddr is the server's address.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// LocalAddr is this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// Invoke makes one call. The context bounds it, and so does the Dialer's
// timeout; the server is told how long the caller will wait.
func (c *Conn) Invoke(ctx context.Context, request Request) (Response, error) {
	if c.broken != nil {
		return Response{}, fmt.Errorf("connection to %s is of no more use: %w", c.RemoteAddr(), c.broken)
	}
	ctx, cancel := (&Dialer{Timeout: c.timeout}).bound(ctx)
	defer cancel()
	// Ending a call early leaves its answer on the way: the deadline in the
	// past breaks the connection for good.
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	response, err := c.exchange(ctx, request)
	if !stop() {
		c.broken = ctx.Err()
	}
	var failed *ServerError
	if err == nil || errors.As(err, &failed) {
		return response, err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		err = ctx.Err()
	}
	c.broken = err
	return Response{}, fmt.Errorf("call %s.%s at %s: %w", request.Servant, request.Function, c.RemoteAddr(), err)
}

func (c *Conn) exchange(ctx context.Context, request Request) (Response, error) {
	c.id++
	wait := defaultTimeout
	if deadline, ok := ctx.Deadline(); ok {
		wait = time.Until(deadline)
	}
	frame, err := appendRequest(nil, c.id, wait, request)
	if err != nil {
		return Response{}, err
	}
	if _, err := c.conn.Write(frame); err != nil {
		return Response{}, err
	}
	for {
		packet, err := readFrame(c.conn)
		if err != nil {
			return Response{}, err
		}
		answer, err := parseResponse(packet)
		if err != nil {
			return Response{}, err
		}
		if answer.id != c.id {
			continue // a push, which has no caller
		}
		if answer.version != request.version() {
			return Response{}, fmt.Errorf("the answer is in version %d of the protocol, not %d", answer.version, request.version())
		}
		if answer.code != 0 {
			return answer.response, &ServerError{Code: answer.code, Text: answer.text}
		}
		return answer.response, nil
	}
}

// maxFrame bounds what is read into memory; TarsGo's own limit is 10 MB.
const maxFrame = 16 << 20

// readFrame reads one packet: four bytes of length, themselves included, and
// the rest. Memory grows with what arrives, not with what is announced.
func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the server hung up without an answer")
		}
		return nil, err
	}
	length := uint32(head[0])<<24 | uint32(head[1])<<16 | uint32(head[2])<<8 | uint32(head[3])
	if length < 5 || length > maxFrame {
		return nil, fmt.Errorf("the answer is no Tars packet (length %d)", length)
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(length)-4))
	if err != nil {
		return nil, err
	}
	if len(body) != int(length)-4 {
		return nil, fmt.Errorf("the server hung up within its answer: %w", io.ErrUnexpectedEOF)
	}
	return body, nil
}
