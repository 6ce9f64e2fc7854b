//go:build unix

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol"
	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/transport"
	"github.com/TarsCloud/TarsGo/tars/util/current"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

// idInAnswer is where an answer to idAsked has its id: after the length, version
// (two bytes), packet type and the id's head.
const (
	idInAnswer = 4 + 2 + 1 + 1
	idAsked    = 1 << 30 // needs all four bytes, as the load's ids may
)

// nullProtocol reads a request's id and answers with the same bytes every time:
// the least that a servant on TarsGo's transport can do.
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

func serveNull() (string, error) {
	answer, err := os.ReadFile(os.Getenv(variableAnswer))
	if err != nil {
		return "", err
	}
	for port := 20_000 + os.Getpid()%10_000; port < 65_000; port += 7 {
		address := fmt.Sprintf("127.0.0.1:%d", port) // it cannot tell which free port it got
		server := transport.NewTarsServer(nullProtocol{answer}, &transport.TarsServerConf{
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

// startNull runs a null servant that answers as the server at address answers the
// request.
func startNull(b *testing.B, address string, request load.Template) *load.Process {
	b.Helper()
	answer, err := ask(address, request)
	if err != nil {
		b.Fatalf("ask %s for the answer of the null servant: %v", address, err)
	}
	path := filepath.Join(b.TempDir(), "answer")
	if err := os.WriteFile(path, answer, 0o600); err != nil {
		b.Fatal(err)
	}
	return start(b, "null", variableAnswer+"="+path)
}

// ask makes one call and gives the frame of its answer.
func ask(address string, request load.Template) ([]byte, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(request.Append(nil, idAsked)); err != nil {
		return nil, err
	}
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, max(idInAnswer+4, binary.BigEndian.Uint32(length[:])))
	copy(answer, length[:])
	if _, err := io.ReadFull(conn, answer[len(length):]); err != nil {
		return nil, err
	}
	if id := binary.BigEndian.Uint32(answer[idInAnswer:]); id != idAsked {
		return nil, fmt.Errorf("the id of the answer is not where it should be: %x", answer[:min(len(answer), 16)])
	}
	return answer, nil
}
