package rpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// TestAnswersAreWhatTarsGoWrites compares with the generated ResponsePacket;
// maps have one entry, for their order is any.
func TestAnswersAreWhatTarsGoWrites(t *testing.T) {
	for _, test := range []requestf.ResponsePacket{
		{IVersion: 1},
		{IVersion: 1, CPacketType: 2, IRequestId: -5, IRet: -99, SResultDesc: "internal error"},
		{IVersion: 5, IRequestId: 1 << 30, SBuffer: make([]int8, 300), Status: map[string]string{"tars-action": "register"},
			Context: map[string]string{"node_name": "10.0.0.1"}},
	} {
		call := Call{Version: test.IVersion, packetType: test.CPacketType, RequestID: test.IRequestId, context: encodeMap(test.Context)}
		got := appendAnswer([]byte("before"), &call, answer{
			code: test.IRet, message: test.SResultDesc, body: tools.Int8ToByte(test.SBuffer), status: encodeMap(test.Status),
		})
		buf := codec.NewBuffer()
		if err := test.WriteTo(buf); err != nil {
			t.Fatal(err)
		}
		want := binary.BigEndian.AppendUint32([]byte("before"), uint32(4+buf.Len()))
		if want = append(want, buf.ToBytes()...); !bytes.Equal(got, want) {
			t.Errorf("%+v:\n%x, want\n%x", test, got, want)
		}
	}
}

func TestDecodeReadsWhatTarsGoWrites(t *testing.T) {
	req := request(-7, "keepAlive", []byte("arguments"))
	req.IMessageType = 4
	req.Context = map[string]string{"node_name": "10.0.0.1", "": "empty key"}
	req.Status = map[string]string{"STATUS_DYED_KEY": "x"}
	var call Call
	if err := call.decode(encode(t, req)[4:]); err != nil {
		t.Fatal(err)
	}
	if call.Version != 1 || call.RequestID != -7 || call.MessageType != 4 || call.OneWay || string(call.name) != podObject ||
		string(call.Function) != "keepAlive" || string(call.Body) != "arguments" || call.Timeout != time.Minute {
		t.Errorf("decoded %+v", call)
	}
	for key, want := range req.Context {
		if got, ok := call.ContextValue(key); !ok || string(got) != want {
			t.Errorf("context %q is %q", key, got)
		}
	}
	if _, ok := call.ContextValue("absent"); ok {
		t.Error("found what is absent")
	}
	if got, ok := call.status.get("STATUS_DYED_KEY"); !ok || string(got) != "x" {
		t.Errorf("status %q", got)
	}
}

// head is the fields of a request up to its body.
func head() []byte {
	b := wire.AppendInt(nil, 1, 1)
	b = wire.AppendInt(b, 4, 9)
	b = wire.AppendString(b, 5, podObject)
	return wire.AppendString(b, 6, "keepAlive")
}

func TestDecodeRefuses(t *testing.T) {
	body := wire.AppendBytes(head(), 7, nil)
	many := wire.AppendMapHead(body, 9, maxEntries+1)
	for range maxEntries + 1 {
		many = wire.AppendString(wire.AppendString(many, 0, "k"), 1, "v")
	}
	long := make([]byte, maxMapBytes)
	tests := map[string]struct {
		packet   []byte
		nobody   bool // no request id: nobody to answer
		complete bool
	}{
		"empty":            {packet: nil, nobody: true},
		"no id":            {packet: wire.AppendInt(nil, 1, 1), nobody: true},
		"id is a string":   {packet: wire.AppendString(wire.AppendInt(nil, 1, 1), 4, "1"), nobody: true},
		"version too wide": {packet: wire.AppendInt(wire.AppendInt(nil, 1, 1<<20), 4, 1), nobody: true},
		"no body":          {packet: head()},
		"body is a list":   {packet: wire.AppendListHead(head(), 7, 0)},
		"body too long":    {packet: append(head(), 0x7d, 0x00, 0x02, 0x7f, 0xff, 0xff, 0xff)},
		"context of ints":  {packet: append(wire.AppendMapHead(body, 9, 1), 0x0c, 0x1c)},
		"context too long": {packet: append(body, 0x98, 0x02, 0x7f, 0xff, 0xff, 0xff)},
		"context of -1":    {packet: append(body, 0x98, 0x00, 0xff)},
		"many in context":  {packet: many},
		"large context":    {packet: wire.AppendString(wire.AppendString(wire.AppendMapHead(body, 9, 1), 0, "k"), 1, long)},
		"long function":    {packet: wire.AppendString(head()[:len(head())-len("keepAlive")-2], 6, long[:maxName+1])},
		"minimal":          {packet: body, complete: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var call Call
			err := call.decode(test.packet)
			if (err == nil) != test.complete || errors.Is(err, errNoRequest) != test.nobody {
				t.Errorf("error %v", err)
			}
			if !test.nobody && call.RequestID != 9 {
				t.Errorf("id %d", call.RequestID)
			}
		})
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	for _, text := range []string{strings.Repeat("é", maxMessage), "x" + strings.Repeat("é", maxMessage), strings.Repeat("\x80", 2*maxMessage)} {
		short := cut(text)
		if len(short) > maxMessage || !strings.HasPrefix(text, strings.TrimSuffix(short, "…")) || utf8.ValidString(text) != utf8.ValidString(short) && len(short) > len("…") {
			t.Errorf("%d bytes: %.20q … %q", len(short), short, short[max(0, len(short)-8):])
		}
	}
	if fits := strings.Repeat("x", maxMessage); cut(fits) != fits {
		t.Error("cut what fits")
	}
}

func TestTokenIsNotRepeated(t *testing.T) {
	for _, m := range []map[string]string{
		nil, {TokenKey: "secret"}, {"a": "1", TokenKey: "secret", "b": "2"}, {"a": "1", "b": "2"},
	} {
		call := Call{Version: VersionTars, context: encodeMap(m)}
		// Twice the token, as no map of ours but a packet can have it.
		call.context.entries = append(call.context.entries, encodeMap(map[string]string{TokenKey: "again"}).entries...)
		call.context.n++
		var resp requestf.ResponsePacket
		if err := resp.ReadFrom(codec.NewReader(appendAnswer(nil, &call, answer{})[4:])); err != nil {
			t.Fatal(err)
		}
		want := maps.Clone(m)
		delete(want, TokenKey)
		if !maps.Equal(resp.Context, want) {
			t.Errorf("context %v, want %v", resp.Context, want)
		}
	}
}

func TestAnswerForDispatcherErrors(t *testing.T) {
	tests := map[string]int32{
		"func mismatch":                                       CodeUnknownFunction,
		"can not find Tag 1. But require. EOF":                CodeUndecodable,
		"require OnStartupReq, but not exist. tag 1":          CodeUndecodable,
		"require vector, but not":                             CodeUndecodable,
		"read 'int32' type mismatch, tag:3, get type:String1": CodeUndecodable,
		"decode reqpacket fail, error version: 9":             CodeUndecodable,
		"type not match, need 10, bug 6":                      CodeUndecodable,
		"require approval":                                    CodeFailed,
		"read only":                                           CodeFailed,
		"invalid type of adapter":                             CodeFailed,
		"invalid type":                                        CodeUndecodable,
		"invalid state":                                       CodeFailed,
	}
	for text, want := range tests {
		if code := answerFor(fmt.Errorf("%s", text)).code; code != want {
			t.Errorf("%q: %d, want %d", text, code, want)
		}
	}
	if code := answerFor(fmt.Errorf("register: %w", fmt.Errorf("func mismatch"))).code; code != CodeFailed {
		t.Errorf("a handler's wrapped error: %d", code)
	}
}

// FuzzDecode compares what is accepted with the generated reader.
func FuzzDecode(f *testing.F) {
	req := request(-7, "keepAlive", []byte("arguments"))
	req.Context = map[string]string{"node_name": "10.0.0.1"}
	f.Add(encode(f, req)[4:])
	f.Add(wire.AppendBytes(head(), 7, nil))
	f.Fuzz(func(t *testing.T, packet []byte) {
		var call Call
		if call.decode(packet) != nil {
			return
		}
		var want requestf.RequestPacket
		if want.ReadFrom(codec.NewReader(packet)) != nil {
			return // it wants fields that are optional here
		}
		if call.Version != want.IVersion || call.RequestID != want.IRequestId || string(call.name) != want.SServantName ||
			string(call.Function) != want.SFuncName || !bytes.Equal(call.Body, tools.Int8ToByte(want.SBuffer)) ||
			!maps.Equal(call.context.strings(), want.Context) || !maps.Equal(call.status.strings(), want.Status) {
			t.Fatalf("generated reader %+v, this one %+v", want, call)
		}
		for key, value := range want.Context {
			if got, _ := call.ContextValue(key); string(got) != value {
				t.Fatalf("context %q: generated reader %q, this one %q", key, value, got)
			}
		}
	})
}

// FuzzHandle handles any packet with an inline and a pooled servant; what is
// answered must be readable by a client.
func FuzzHandle(f *testing.F) {
	near, far := net.Pipe()
	f.Cleanup(func() { _, _ = near.Close(), far.Close() })
	s := accepting().servant()
	s.Inline = inlineKeepAlive
	servants, err := newServants([]Servant{s})
	if err != nil {
		f.Fatal(err)
	}
	for _, version := range []int16{VersionTars, versionTUPComplex, VersionTUP, VersionJSON} {
		for _, function := range []string{"keepAlive", "launch", "tars_ping"} {
			req := request(1, function, keepAliveBody("n", "active"))
			req.IVersion = version
			req.Context = map[string]string{TokenKey: "x"}
			f.Add(encode(f, req)[4:])
		}
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		c := newConn(&listener{server: NewServer(Options{Queue: 1}), servants: servants}, near)
		c.scratch = c.server.memory.scratch()
		if !c.handle(append(make([]byte, lengthSize), packet...)) || len(c.scratch.out) == 0 {
			return
		}
		answered := c.scratch.out[lengthSize:]
		var version int16
		if err := codec.NewReader(answered).ReadInt16(&version, 1, true); err != nil {
			t.Fatal(err)
		}
		var err error
		if version == VersionTUP || version == versionTUPComplex {
			err = new(requestf.RequestPacket).ReadFrom(codec.NewReader(answered))
		} else {
			err = new(requestf.ResponsePacket).ReadFrom(codec.NewReader(answered))
		}
		if err != nil {
			t.Fatalf("answer %x: %v", answered, err)
		}
	})
}
