package tarsclient

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// Versions of the protocol.
const (
	versionTars = 1 // arguments by tag
	versionJSON = 5 // one JSON object of named arguments
)

func (r *Request) version() int32 {
	if r.JSON {
		return versionJSON
	}
	return versionTars
}

// appendRequest encodes a RequestPacket as a frame.
func appendRequest(dst []byte, id int32, wait time.Duration, r Request) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = wire.AppendInt(dst, 1, int64(r.version()))
	dst = wire.AppendInt(dst, 2, 0) // packet type: an answer is wanted
	dst = wire.AppendInt(dst, 3, 0) // message type
	dst = wire.AppendInt(dst, 4, int64(id))
	dst = wire.AppendString(dst, 5, r.Servant)
	dst = wire.AppendString(dst, 6, r.Function)
	dst = wire.AppendBytes(dst, 7, r.Body)
	dst = wire.AppendInt(dst, 8, min(max(wait.Milliseconds(), 1), 1<<31-1))
	dst = appendMap(dst, 9, r.Context)
	dst = appendMap(dst, 10, r.Status)
	length := len(dst) - start
	if length > maxFrame {
		return nil, fmt.Errorf("the request has %d bytes, more than the %d a packet may have", length, maxFrame)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(length))
	return dst, nil
}

func appendMap(dst []byte, tag byte, m map[string]string) []byte {
	dst = wire.AppendMapHead(dst, tag, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		dst = wire.AppendString(dst, 0, key)
		dst = wire.AppendString(dst, 1, m[key])
	}
	return dst
}

type answer struct {
	version  int32
	id       int32
	code     int32
	text     string
	response Response
}

// parseResponse decodes a ResponsePacket. Its fields may all be absent, as
// some peers leave out what is zero.
func parseResponse(packet []byte) (answer, error) {
	r := wire.NewReader(packet)
	var a answer
	a.version = r.OptionalInt32(1, 0)
	r.OptionalInt32(2, 0)
	a.id = r.OptionalInt32(3, 0)
	r.OptionalInt32(4, 0)
	a.code = r.OptionalInt32(5, 0)
	if t, ok := r.Seek(6); ok {
		a.response.Body = r.BytesValue(t)
	}
	a.response.Status = readMap(&r, 7)
	text, _ := r.OptionalString(8)
	a.text = string(text)
	a.response.Context = readMap(&r, 9)
	if err := r.Err(); err != nil {
		return answer{}, fmt.Errorf("decode the answer: %w", err)
	}
	return a, nil
}

func readMap(r *wire.Reader, tag byte) map[string]string {
	t, ok := r.Seek(tag)
	if !ok {
		return nil
	}
	m := make(map[string]string)
	for range r.MapValue(t) {
		key, value := r.String(0), r.String(1)
		if r.Err() != nil {
			return nil
		}
		m[string(key)] = string(value)
	}
	return m
}
