package registry

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/tars"
)

const queryPatience = 10 * time.Second // far longer than anything awaited takes

// fakeLocks grants what a test says.
type fakeLocks func(store.LockRequest) (store.LockResult, error)

func (f fakeLocks) Lock(_ context.Context, r store.LockRequest) (store.LockResult, error) {
	return f(r)
}

func noLocks(store.LockRequest) (store.LockResult, error) {
	return store.LockResult{}, errors.New("no locks here")
}

// seedTable has the picture of the recorded seed rows.
func seedTable(t testing.TB, rules map[int32]string) *routing.Table {
	t.Helper()
	seed := routingtest.ReadSeed(t, rules)
	table := routing.NewTable(routing.Options{Tombstone: time.Minute})
	table.Replace(routing.Contents{
		Instances: seed.Instances, Rules: seed.Rules, Priorities: seed.Priorities, Registries: seed.Registries,
	})
	return table
}

// serveQuery listens for QueryObj for the time of the test.
func serveQuery(t testing.TB, l *lookups) (address string) {
	t.Helper()
	server := rpc.NewServer(rpc.Options{})
	bound, err := server.Listen(t.Context(), "tcp", "127.0.0.1:0", rpc.ListenOptions{}, l.servant(queryServantName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx) // connections that a test left open
	})
	return bound.String()
}

// queryConn is a connection to QueryObj, and the stub's servant that uses it.
type queryConn struct {
	model.Servant
	t       testing.TB
	conn    net.Conn
	reader  *bufio.Reader
	version int16
	id      int32
	last    *requestf.ResponsePacket
}

// dialQuery connects from a source address.
func dialQuery(t testing.TB, from netip.Addr, address string) *queryConn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &queryConn{t: t, conn: conn, reader: bufio.NewReader(conn), version: rpc.VersionTars}
}

func (c *queryConn) stub() *tars.QueryF {
	stub := tars.NewQueryF()
	stub.SetServant(c)
	return stub
}

// TarsInvoke makes a stub's call.
func (c *queryConn) TarsInvoke(_ context.Context, _ byte, function string, body []byte, status, requestContext map[string]string, answer *requestf.ResponsePacket) error {
	c.id++
	c.send(function, body, requestContext, status)
	*answer = *c.receive()
	c.last = answer
	if answer.IRequestId != c.id {
		c.t.Fatalf("answer to request %d instead of %d", answer.IRequestId, c.id)
	}
	if answer.IRet != 0 {
		return &rpc.Error{Code: answer.IRet, Message: answer.SResultDesc}
	}
	return nil
}

func (c *queryConn) send(function string, body []byte, requestContext, status map[string]string) {
	c.t.Helper()
	request := requestf.RequestPacket{
		IVersion: c.version, IRequestId: c.id, SServantName: queryServantName, SFuncName: function,
		SBuffer: tools.ByteToInt8(body), ITimeout: 3000, Context: requestContext, Status: status,
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

// receive reads the next response packet, or push.
func (c *queryConn) receive() *requestf.ResponsePacket {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(queryPatience)); err != nil {
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

// putVector asks a recorded question by the generated stub.
func putVector(stub *tars.QueryF, v *routingtest.Vector) (code int32, active, inactive []tars.EndpointF, err error) {
	requestContext := make(map[string]string)
	for key, value := range v.Context {
		requestContext[key] = value
	}
	switch v.Method {
	case "findObjectById":
		active, err = stub.FindObjectById(v.ID, requestContext)
	case "findObjectById4Any":
		code, err = stub.FindObjectById4Any(v.ID, &active, &inactive, requestContext)
	case "findObjectById4All":
		code, err = stub.FindObjectById4All(v.ID, &active, &inactive, requestContext)
	case "findObjectByIdInSameGroup":
		code, err = stub.FindObjectByIdInSameGroup(v.ID, &active, &inactive, requestContext)
	case "findObjectByIdInSameStation":
		code, err = stub.FindObjectByIdInSameStation(v.ID, v.Arg, &active, &inactive, requestContext)
	case "findObjectByIdInSameSet":
		code, err = stub.FindObjectByIdInSameSet(v.ID, v.Arg, &active, &inactive, requestContext)
	default:
		err = errors.New("method " + v.Method)
	}
	return code, active, inactive, err
}
