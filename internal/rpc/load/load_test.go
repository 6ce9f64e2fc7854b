package load_test

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

const object = "Demo.HelloServer.HelloObj"

func TestMain(m *testing.M) {
	load.ServeChild(map[string]func() (string, error){"mixed": mixedServer})
	os.Exit(m.Run())
}

// mixedServer answers odd ids in line and others from the pool, and refuses the function "refused".
func mixedServer() (string, error) {
	address, err := rpc.NewServer(rpc.Options{}).Listen(context.Background(), "tcp", "127.0.0.1:0", rpc.ListenOptions{}, rpc.Servant{
		Name:   object,
		Inline: func(call *rpc.Call, reply *rpc.Reply) bool { return call.RequestID%2 == 1 },
		Dispatch: func(_ context.Context, req *requestf.RequestPacket, _ *requestf.ResponsePacket) error {
			if req.SFuncName == "refused" {
				return rpc.Errorf(5, "refused")
			}
			return nil
		},
	})
	if err != nil {
		return "", err
	}
	return address.String(), nil
}

func TestTemplateIsARequest(t *testing.T) {
	template := load.NewTemplate(load.Request{
		Servant: object, Function: "hello", Body: []byte("body"), Context: map[string]string{"a": "b"}, Timeout: 3000, OneWay: true,
	})
	for _, id := range []int32{1, 300, 1 << 30} {
		frame := template.Append([]byte("before"), id)[len("before"):]
		var req requestf.RequestPacket
		if err := req.ReadFrom(codec.NewReader(frame[4:])); err != nil {
			t.Fatal(err)
		}
		if req.IRequestId != id || req.SServantName != object || req.SFuncName != "hello" || len(req.SBuffer) != 4 ||
			req.Context["a"] != "b" || req.ITimeout != 3000 || req.CPacketType != 1 {
			t.Errorf("%+v", req)
		}
	}
}

func TestRun(t *testing.T) {
	process, err := load.Start("mixed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
	})
	good := load.NewTemplate(load.Request{Servant: object, Function: "hello"})
	refused := load.NewTemplate(load.Request{Servant: object, Function: "refused"})
	for name, shape := range map[string]load.Options{
		"one":         {Connections: 1},
		"many":        {Connections: 20},
		"multiplexed": {Connections: 3, Depth: 17},
	} {
		t.Run(name, func(t *testing.T) {
			shape.Address, shape.Calls, shape.Append = process.Address, 1000, appendTo(good)
			result, err := load.Run(t.Context(), shape)
			if err != nil || result.Calls != 1000 || result.Failed != 0 {
				t.Fatalf("%v, error %v", result, err)
			}
			if p50 := result.Latency.Quantile(0.5); p50 <= 0 || p50 > result.Latency.Max() || result.Latency.Max() > result.Elapsed {
				t.Errorf("%v in %v", result, result.Elapsed)
			}
		})
	}
	result, err := load.Run(t.Context(), load.Options{
		Address: process.Address, Connections: 2, Depth: 4, Duration: 300 * time.Millisecond, Append: appendTo(refused),
	})
	if err != nil || result.Failed == 0 || result.Failed >= result.Calls {
		t.Errorf("refused calls: %v, error %v", result, err)
	}
	usage, err := process.Settled()
	if err != nil || usage.CPU <= 0 || usage.Mallocs == 0 {
		t.Errorf("usage %+v, error %v", usage, err)
	}
}

func appendTo(template load.Template) func([]byte, int, int, int32) []byte {
	return func(dst []byte, _, _ int, id int32) []byte { return template.Append(dst, id) }
}

func TestRunTellsOfBrokenConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	template := load.NewTemplate(load.Request{Servant: object, Function: "hello"})
	_, err = load.Run(t.Context(), load.Options{Address: listener.Addr().String(), Connections: 2, Calls: 10, Append: appendTo(template)})
	if err == nil {
		t.Error("no error")
	}
}

func TestUnknownServerDoesNotStart(t *testing.T) {
	if _, err := load.Start("no such server"); err == nil {
		t.Error("no error")
	}
}
