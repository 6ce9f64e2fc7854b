package wire_test

import (
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/rpc/guard"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

// FuzzReader compares this reader with the generated one wherever the guard
// lets a body pass to it.
func FuzzReader(f *testing.F) {
	for _, node := range []string{"", "10.0.0.1"} {
		buf := codec.NewBuffer()
		req := tars.KeepAliveReq{NodeName: node, State: "active", Application: "Demo"}
		if err := req.WriteBlock(buf, 1); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.ToBytes())
	}
	f.Add([]byte{0x1a, 0x06, 0x00, 0x17, 0x00, 0x00, 0x00, 0x01, 'a', 0x50, 0x01, 0x0b})
	f.Fuzz(func(t *testing.T, body []byte) {
		r := wire.NewReader(body)
		r.BeginStruct(1)
		node, state := r.String(0), r.String(1)
		application, _ := r.OptionalString(2)
		server, _ := r.OptionalString(3)
		r.EndStruct()
		if guard.Check(1, body, guard.Limits{}) != nil {
			return
		}
		var want tars.KeepAliveReq
		err := want.ReadBlock(codec.NewReader(body), 1, true)
		if (err == nil) != (r.Err() == nil) {
			t.Fatalf("generated reader: %v, this one: %v", err, r.Err())
		}
		if err != nil {
			return
		}
		got := tars.KeepAliveReq{NodeName: string(node), State: string(state), Application: string(application), Server: string(server)}
		if got != want {
			t.Fatalf("generated reader %+v, this one %+v", want, got)
		}
	})
}

// FuzzInt compares integers of both codecs.
func FuzzInt(f *testing.F) {
	f.Add(int64(0), byte(0))
	f.Add(int64(-40000), byte(200))
	f.Fuzz(func(t *testing.T, v int64, tag byte) {
		b := wire.AppendInt(nil, tag, v)
		var theirs int64
		if err := codec.NewReader(b).ReadInt64(&theirs, tag, true); err != nil || theirs != v {
			t.Fatalf("TarsGo reads %d of %d: %v", theirs, v, err)
		}
		r := wire.NewReader(b)
		found, _ := r.Seek(tag)
		if ours := r.IntValue(found); ours != v || r.Err() != nil || r.Left() != 0 {
			t.Fatalf("read %d of %d: %v", ours, v, r.Err())
		}
	})
}
