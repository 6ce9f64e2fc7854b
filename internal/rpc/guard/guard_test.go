package guard

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

// registration is the arguments of an onStartup with so many adapters.
func registration(t testing.TB, adapters int) []byte {
	t.Helper()
	req := tars.OnStartupReq{NodeName: "10.0.0.1", Application: "Demo", Server: "HelloServer"}
	for i := range adapters {
		req.Adapters = append(req.Adapters, tars.AdapterConf{
			Servant: fmt.Sprintf("Demo.HelloServer.Obj%d", i), Endpoint: "tcp -h 10.0.0.1 -p 8080 -t 60000",
		})
	}
	buf := codec.NewBuffer()
	if err := req.WriteBlock(buf, 1); err != nil {
		t.Fatal(err)
	}
	return buf.ToBytes()
}

// list is a vector with tag 1 that says n and has so many elements.
func list(n, have int, element []byte) []byte {
	return append(wire.AppendListHead(nil, 1, n), bytes.Repeat(element, have)...)
}

func nested(open, end []byte, depth int) []byte {
	return append(bytes.Repeat(open, depth), bytes.Repeat(end, depth)...)
}

func TestTars(t *testing.T) {
	emptyStruct := wire.AppendStructEnd(wire.AppendStructBegin(nil, 0))
	shortString := wire.AppendString(nil, 0, "10.1.2.3")
	inList := []byte{byte(wire.List), byte(wire.Int8), 1}
	entry := wire.AppendInt(wire.AppendInt(nil, 0, 1), 1, 2)
	tests := []struct {
		name string
		body []byte
		want error // nil: let pass
	}{
		{"nothing", nil, nil},
		{"registration", registration(t, 3), nil},
		{"thousands of adapters", registration(t, 5000), nil},
		{"vector of addresses", list(10_000, 10_000, shortString), nil},
		{"vector of -1", []byte{0x19, 0x00, 0xff}, wire.ErrLength},
		{"vector of 2^31-1", []byte{0x19, 0x02, 0x7f, 0xff, 0xff, 0xff}, wire.ErrLength},
		{"vector of 10,000,000", list(10_000_000, 10, emptyStruct), wire.ErrLength},
		{"vector shorter than it says", list(3, 2, wire.AppendInt(nil, 0, 7)), wire.ErrTruncated},
		{"few empty structs", list(1000, 1000, emptyStruct), nil},
		{"many empty structs", list(100_000, 100_000, emptyStruct), ErrTooMany},
		{"many zeros", list(100_000, 100_000, []byte{byte(wire.Zero)}), ErrTooMany},
		{"vectors of many", append(list(900, 900, []byte{byte(wire.Zero)}), list(900, 900, []byte{byte(wire.Zero)})...), ErrTooMany},
		{"element with another tag", list(1, 1, wire.AppendInt(nil, 1, 7)), wire.ErrMalformed},
		{"end of struct as element", list(1, 1, []byte{byte(wire.StructEnd)}), wire.ErrMalformed},
		{"map", append(wire.AppendMapHead(nil, 1, 1), entry...), nil},
		{"map of -1", []byte{0x18, 0x00, 0xff}, wire.ErrLength},
		{"map shorter than it says", append(wire.AppendMapHead(nil, 1, 2), entry...), wire.ErrTruncated},
		{"map with swapped tags", append(wire.AppendMapHead(nil, 1, 1), 0x1c, 0x0c), wire.ErrMalformed},
		{"map of many", append(wire.AppendMapHead(nil, 1, 9000), bytes.Repeat(entry, 9000)...), ErrTooMany},
		{"bytes beyond the end", []byte{0x1d, 0x00, 0x02, 0x7f, 0xff, 0xff, 0xff}, wire.ErrLength},
		{"negative bytes", []byte{0x1d, 0x00, 0x00, 0xff}, wire.ErrLength},
		{"string beyond the end", []byte{0x17, 0x7f, 0xff, 0xff, 0xff}, wire.ErrLength},
		{"open struct", wire.AppendStructBegin(nil, 1), wire.ErrTruncated},
		{"end without begin", wire.AppendStructEnd(nil), wire.ErrMalformed},
		{"small tag in the long form", []byte{0xfc, 0x01}, wire.ErrMalformed},
		{"structs in structs", nested([]byte{byte(wire.StructBegin)}, []byte{byte(wire.StructEnd)}, defaultDepth), nil},
		{"too many structs in structs", nested([]byte{byte(wire.StructBegin)}, []byte{byte(wire.StructEnd)}, defaultDepth+1), ErrNested},
		{"lists in lists without end", bytes.Repeat(inList, 1<<20), ErrNested},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := Check(versionTars, test.body, Limits{}); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	body := registration(t, 10)
	if err := Check(versionTars, body, Limits{MaxElements: 9}); !errors.Is(err, ErrTooMany) {
		t.Errorf("MaxElements: %v", err)
	}
	if err := Check(versionTars, body, Limits{MaxDepth: 2}); !errors.Is(err, ErrNested) {
		t.Errorf("MaxDepth: %v", err)
	}
	if err := Check(versionTars, body, Limits{MaxDepth: 3, MaxElements: 10}); err != nil {
		t.Errorf("within limits: %v", err)
	}
}

// arguments is the body of a TUP request.
func arguments(values ...[]byte) []byte {
	b := wire.AppendMapHead(nil, 0, len(values))
	for i, v := range values {
		b = wire.AppendBytes(wire.AppendString(b, 0, fmt.Sprint("argument", i)), 1, v)
	}
	return b
}

func TestTUP(t *testing.T) {
	good := registration(t, 3)
	bad := []byte{0x19, 0x00, 0xff}
	tests := []struct {
		name string
		body []byte
		want error
	}{
		{"arguments", arguments(good, good), nil},
		{"none", arguments(), nil},
		{"no map", good, wire.ErrMissing},
		{"empty", nil, wire.ErrMissing},
		{"vector of -1 within", arguments(good, bad), wire.ErrLength},
		{"negative bytes", []byte{0x08, 0x00, 1, 0x06, 1, 'a', 0x1d, 0x00, 0x00, 0xff}, wire.ErrLength},
		{"map in a map", append(wire.AppendMapHead(nil, 0, 1), wire.AppendMapHead(wire.AppendString(nil, 0, "a"), 1, 0)...), wire.ErrType},
		{"elements of all", arguments(list(900, 900, []byte{byte(wire.Zero)}), list(900, 900, []byte{byte(wire.Zero)})), ErrTooMany},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := Check(versionTUP, test.body, Limits{}); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	tests := []struct {
		name string
		body string
		want error
	}{
		{"object", `{"req":{"nodeName":"10.0.0.1","adapters":[{"servant":"a,[{\"b"}]}}`, nil},
		{"no JSON", `nothing`, nil}, // the decoder tells
		{"nested", strings.Repeat("[", 1000) + strings.Repeat("]", 1000), ErrNested},
		{"many", `{"req":[` + strings.Repeat("{},", 100_000) + `0]}`, ErrTooMany},
		{"many numbers", `{"req":[` + strings.Repeat("0,", 100_000) + `0]}`, ErrTooMany},
		{"open", `{"req":{`, errUnbalanced},
		{"closed twice", `{}}`, errUnbalanced},
		{"open string", `{"req":"\"`, wire.ErrTruncated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := Check(versionJSON, []byte(test.body), Limits{}); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestUnknownVersionsAreRefused(t *testing.T) {
	for _, version := range []int16{-1, 0, 2, 4, 6} {
		if Check(version, nil, Limits{}) == nil {
			t.Errorf("version %d passes", version)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, adapters := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("adapters=%d", adapters), func(b *testing.B) {
			body := registration(b, adapters)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Check(versionTars, body, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
