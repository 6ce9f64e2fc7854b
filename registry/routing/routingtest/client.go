package routingtest

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/tars"
)

// QueryObject is the servant that look-ups are asked of.
const QueryObject = "tars.tarsregistry.QueryObj"

const patience = time.Minute // far longer than anything awaited takes

// RefusedError is an answer with a return code other than 0.
type RefusedError struct {
	Code int32
	Text string
}

func (r *RefusedError) Error() string { return fmt.Sprintf("code %d: %s", r.Code, r.Text) }

// Client is a connection to QueryObj, and the servant of the stub that uses it.
type Client struct {
	model.Servant
	Version int16                    // of the protocol
	Last    *requestf.ResponsePacket // the last answer

	t      testing.TB
	conn   net.Conn
	reader *bufio.Reader
	id     int32
}

// Dial connects to QueryObj from a source address.
func Dial(t testing.TB, from netip.Addr, address string) *Client {
	t.Helper()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Client{t: t, conn: conn, reader: bufio.NewReader(conn), Version: 1}
}

// Stub is the generated stub over the connection.
func (c *Client) Stub() *tars.QueryF {
	stub := tars.NewQueryF()
	stub.SetServant(c)
	return stub
}

// TarsInvoke makes a stub's call.
func (c *Client) TarsInvoke(_ context.Context, _ byte, function string, body []byte, status, requestContext map[string]string, answer *requestf.ResponsePacket) error {
	c.id++
	c.Send(function, body, requestContext, status)
	*answer = *c.Receive()
	c.Last = answer
	if answer.IRequestId != c.id {
		c.t.Fatalf("answer to request %d instead of %d", answer.IRequestId, c.id)
	}
	if answer.IRet != 0 {
		return &RefusedError{answer.IRet, answer.SResultDesc}
	}
	return nil
}

// Send sends a request and does not wait for the answer.
func (c *Client) Send(function string, body []byte, requestContext, status map[string]string) {
	c.t.Helper()
	request := requestf.RequestPacket{
		IVersion: c.Version, IRequestId: c.id, SServantName: QueryObject, SFuncName: function,
		SBuffer: tools.ByteToInt8(body), ITimeout: int32(patience.Milliseconds()), Context: requestContext, Status: status,
	}
	buf := codec.NewBuffer()
	if err := request.WriteTo(buf); err != nil {
		c.t.Fatal(err)
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(buf.ToBytes())))
	if _, err := c.conn.Write(append(frame, buf.ToBytes()...)); err != nil {
		c.t.Fatal(err)
	}
}

// Receive reads the next response packet, or push.
func (c *Client) Receive() *requestf.ResponsePacket {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	var length [4]byte
	if _, err := io.ReadFull(c.reader, length[:]); err != nil {
		c.t.Fatal(err)
	}
	packet := make([]byte, binary.BigEndian.Uint32(length[:])-4)
	if _, err := io.ReadFull(c.reader, packet); err != nil {
		c.t.Fatal(err)
	}
	var response requestf.ResponsePacket
	if err := response.ReadFrom(codec.NewReader(packet)); err != nil {
		c.t.Fatal(err)
	}
	return &response
}

// Ask puts a question by the generated stub, with a request context.
func (c *Client) Ask(q Question, with map[string]string) (code int32, active, inactive []tars.EndpointF, err error) {
	stub := c.Stub()
	requestContext := maps.Clone(with)
	if requestContext == nil {
		requestContext = make(map[string]string)
	}
	switch q.Method {
	case "findObjectById":
		active, err = stub.FindObjectById(q.ID, requestContext)
	case "findObjectById4Any":
		code, err = stub.FindObjectById4Any(q.ID, &active, &inactive, requestContext)
	case "findObjectById4All":
		code, err = stub.FindObjectById4All(q.ID, &active, &inactive, requestContext)
	case "findObjectByIdInSameGroup":
		code, err = stub.FindObjectByIdInSameGroup(q.ID, &active, &inactive, requestContext)
	case "findObjectByIdInSameStation":
		code, err = stub.FindObjectByIdInSameStation(q.ID, q.Arg, &active, &inactive, requestContext)
	case "findObjectByIdInSameSet":
		code, err = stub.FindObjectByIdInSameSet(q.ID, q.Arg, &active, &inactive, requestContext)
	default:
		err = errors.New("no method " + q.Method)
	}
	return code, active, inactive, err
}
