package health

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/basef"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
)

// ping sends tars_ping to the servant and waits for the server's reaction. Any
// answer will do, an error code or a sentence of another protocol as well: many
// images leave an adapter that speaks HTTP at its default protocol, tars, and
// whoever answers is alive. What counts as dead is silence, and a connection
// that is closed without a word.
func ping(conn io.ReadWriter, servant string) error {
	packet, err := pingPacket(servant)
	if err != nil {
		return err
	}
	if _, err := conn.Write(packet); err != nil {
		return err
	}
	var first [1]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("connection closed without an answer")
		}
		return err
	}
	return nil
}

func pingPacket(servant string) ([]byte, error) {
	request := requestf.RequestPacket{
		IVersion:     basef.TARSVERSION,
		CPacketType:  basef.TARSNORMAL,
		IRequestId:   1,
		SServantName: servant,
		SFuncName:    "tars_ping",
		ITimeout:     3000,
		Context:      map[string]string{},
		Status:       map[string]string{},
	}
	buf := codec.NewBuffer()
	if err := request.WriteTo(buf); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	body := buf.ToBytes()
	packet := binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))
	return append(packet, body...), nil
}
