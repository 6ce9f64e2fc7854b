package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

const (
	lengthSize = 4 // bytes of a frame's length, which counts itself
	packetCall = 0 // cPacketType of a call that is answered
	oneWayCall = 1 // cPacketType of a call that is not

	// maxEntries and maxMapBytes bound the context and the status of a request:
	// they are looked through entry by entry, and sent back.
	maxEntries  = 256
	maxMapBytes = 64 << 10
	// maxName bounds the names of servant and function in bytes: far longer
	// than any, yet nothing that is sent back is much larger.
	maxName = 1024
	// maxMessage bounds the text of an answer in bytes. Handlers quote what
	// they were given, and that may be a frame long.
	maxMessage = 4 << 10
)

// reconnectText in a packet with request id 0 asks a client to go elsewhere.
const reconnectText = "_reconnect_"

// errNoRequest: so broken that not even a request id was found to answer.
var errNoRequest = errors.New("not a Tars request")

// frameBegin looks at the first bytes of a frame: its length, 0 while there are
// too few to tell. An error means that no Tars peer is talking.
func frameBegin(b []byte, limit int) (int, error) {
	if len(b) < lengthSize {
		return 0, nil
	}
	length := int64(binary.BigEndian.Uint32(b))
	if length <= lengthSize || length > int64(limit) {
		return 0, fmt.Errorf("frame of %d bytes", length)
	}
	if len(b) > lengthSize && (b[lengthSize]>>4 != 1 || !isSmallInt(wire.Type(b[lengthSize]&0x0f))) {
		return 0, errors.New("frame does not begin with a protocol version")
	}
	return int(length), nil
}

func isSmallInt(t wire.Type) bool { return t == wire.Int8 || t == wire.Int16 || t == wire.Zero }

// decode reads a request packet (a frame without its length) in place. On an
// error the call has what is needed to answer, unless it is errNoRequest.
func (c *Call) decode(packet []byte) error {
	r := wire.NewReader(packet)
	version := r.Int32(1)
	packetType := r.OptionalInt32(2, packetCall)
	c.MessageType = r.OptionalInt32(3, 0)
	c.RequestID = r.Int32(4)
	if r.Err() != nil || version < math.MinInt16 || version > math.MaxInt16 {
		return errNoRequest
	}
	c.Version, c.packetType, c.OneWay = int16(version), int8(packetType), packetType == oneWayCall
	c.name = readName(&r, 5)
	c.Function = readName(&r, 6)
	c.Body = r.Bytes(7)
	c.Timeout = time.Duration(max(r.OptionalInt32(8, 0), 0)) * time.Millisecond
	c.context = readMap(&r, 9)
	c.status = readMap(&r, 10)
	return r.Err()
}

// readName reads a required string of sensible length.
func readName(r *wire.Reader, tag byte) []byte {
	name := r.String(tag)
	if len(name) > maxName {
		r.Fail(fmt.Errorf("tag %d: name of %d bytes, %d are allowed", tag, len(name), maxName))
		return nil
	}
	return name
}

// readMap reads an optional map<string, string>, checking all of it.
func readMap(r *wire.Reader, tag byte) stringMap {
	t, ok := r.Seek(tag)
	if !ok {
		return stringMap{}
	}
	n := r.MapValue(t)
	if n > maxEntries {
		r.Fail(fmt.Errorf("tag %d: map of %d entries, %d are allowed", tag, n, maxEntries))
		return stringMap{}
	}
	rest := r.Rest()
	for range n {
		r.String(0)
		r.String(1)
	}
	entries := rest[:len(rest)-r.Left()]
	if r.Err() == nil && len(entries) > maxMapBytes {
		r.Fail(fmt.Errorf("tag %d: map of %d bytes, %d are allowed", tag, len(entries), maxMapBytes))
	}
	if r.Err() != nil {
		return stringMap{}
	}
	return stringMap{entries: entries, n: n}
}

// answer is what a response says beyond what it repeats of the request.
type answer struct {
	code    int32
	message string
	body    []byte
	status  stringMap
}

// cut shortens a text to at most maxMessage bytes, between characters.
func cut(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	const mark = "…"
	end := maxMessage - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// appendAnswer appends the frame that answers call.
func appendAnswer(dst []byte, call *Call, a answer) []byte {
	a.message = cut(a.message)
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if call.Version == VersionTUP || call.Version == versionTUPComplex {
		dst = appendTUPAnswer(dst, call, a)
	} else {
		dst = appendTarsAnswer(dst, call, a)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

// appendTarsAnswer appends a ResponsePacket.
func appendTarsAnswer(dst []byte, call *Call, a answer) []byte {
	dst = wire.AppendInt(dst, 1, int64(call.Version))
	dst = wire.AppendInt(dst, 2, int64(call.packetType))
	dst = wire.AppendInt(dst, 3, int64(call.RequestID))
	dst = wire.AppendInt(dst, 4, 0)
	dst = wire.AppendInt(dst, 5, int64(a.code))
	dst = wire.AppendBytes(dst, 6, a.body)
	dst = wire.AppendMapHead(dst, 7, a.status.n)
	dst = append(dst, a.status.entries...)
	if a.message != "" {
		dst = wire.AppendString(dst, 8, a.message)
	}
	if call.context.n > 0 {
		dst = appendContext(dst, 9, call.context)
	}
	return dst
}

// versionTUPComplex is answered in TUP's layout, with an error.
const versionTUPComplex int16 = 2

// Keys of the status in which TUP answers, which have no fields for them, carry
// the return code and the text.
const (
	tupCode    = "STATUS_RESULT_CODE"
	tupMessage = "STATUS_RESULT_DESC"
)

// appendTUPAnswer appends the answer to a TUP request, which has the layout of
// a RequestPacket.
func appendTUPAnswer(dst []byte, call *Call, a answer) []byte {
	dst = wire.AppendInt(dst, 1, int64(call.Version))
	dst = wire.AppendInt(dst, 2, int64(call.packetType))
	dst = wire.AppendInt(dst, 3, 0)
	dst = wire.AppendInt(dst, 4, int64(call.RequestID))
	dst = wire.AppendString(dst, 5, call.name)
	dst = wire.AppendString(dst, 6, call.Function)
	dst = wire.AppendBytes(dst, 7, a.body)
	dst = wire.AppendInt(dst, 8, 0)
	dst = appendContext(dst, 9, call.context)
	entries := a.status.n + 1
	if a.message != "" {
		entries++
	}
	dst = wire.AppendMapHead(dst, 10, entries)
	dst = append(dst, a.status.entries...)
	dst = wire.AppendString(dst, 0, tupCode)
	dst = wire.AppendString(dst, 1, strconv.Itoa(int(a.code)))
	if a.message != "" {
		dst = wire.AppendString(dst, 0, tupMessage)
		dst = wire.AppendString(dst, 1, a.message)
	}
	return dst
}

// appendContext repeats the request's context but for the token.
func appendContext(dst []byte, tag byte, m stringMap) []byte {
	secrets := 0
	for key := range m.each {
		if string(key) == TokenKey {
			secrets++
		}
	}
	dst = wire.AppendMapHead(dst, tag, m.n-secrets)
	if secrets == 0 {
		return append(dst, m.entries...)
	}
	for key, value := range m.each {
		if string(key) != TokenKey {
			dst = wire.AppendString(wire.AppendString(dst, 0, key), 1, value)
		}
	}
	return dst
}

// appendPush appends a response packet that answers no request.
func appendPush(dst []byte, requestID int32, body []byte, message string) []byte {
	call := Call{Version: VersionTars, RequestID: requestID}
	return appendAnswer(dst, &call, answer{body: body, message: message})
}
