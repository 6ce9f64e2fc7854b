//go:build linux

package health

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/process"
)

func TestUDP(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		conn, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		port := int32(conn.LocalAddr().(*net.UDPAddr).Port)
		host, _, _ := net.SplitHostPort(address)
		endpoint := naming.Endpoint{Transport: naming.UDP, Host: host, Port: port}
		if err := Check(t.Context(), []Target{{Adapter: "u", Endpoint: endpoint}}, time.Second); err != nil {
			t.Errorf("%s bound: %v", address, err)
		}
		conn.Close()
		if err := Check(t.Context(), []Target{{Adapter: "u", Endpoint: endpoint}}, time.Second); err == nil {
			t.Errorf("%s closed: well", address)
		}
	}
}

func TestUDPOnAnotherAddress(t *testing.T) {
	const table = "  sl  local_address rem_address   st tx_queue rx_queue\n" +
		" 1: 0200007F:0050 00000000:0000 07 00000000:00000000 00:00000000 00000000\n" +
		"garbage\n 2: zz:0051 x\n"
	for _, tt := range []struct {
		host string
		port int32
		want bool
	}{
		{"127.0.0.2", 80, true}, {"127.0.0.1", 80, false}, {"0.0.0.0", 80, true},
		{"pod.example", 80, true}, {"127.0.0.2", 81, false},
	} {
		got, err := boundIn(strings.NewReader(table), naming.Endpoint{Host: tt.host, Port: tt.port})
		if err != nil || got != tt.want {
			t.Errorf("%s:%d: %v, %v; want %v", tt.host, tt.port, got, err, tt.want)
		}
	}
}

func FuzzSocketTable(f *testing.F) {
	f.Add(" 1: 0200007F:0050 00000000:0000 07\n", "127.0.0.2", int32(80))
	f.Add(" 1: 00000000000000000000000001000000:0050 x\n", "::1", int32(80))
	f.Fuzz(func(t *testing.T, table, host string, port int32) {
		bound, _ := boundIn(strings.NewReader(table), naming.Endpoint{Host: host, Port: port})
		if bound && (port < 0 || port > 65535) {
			t.Errorf("port %d is bound", port)
		}
	})
}

func TestScript(t *testing.T) {
	owner, err := process.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(owner.Close)
	if err := Script(t.Context(), owner, "true", 20*time.Second); err != nil {
		t.Errorf("true: %v", err)
	}
	err = Script(t.Context(), owner, "echo cache is cold; exit 3", 20*time.Second)
	if err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("exit 3: %v", err)
	}
	err = Script(t.Context(), owner, "sleep 60 & sleep 60", 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "not finished") {
		t.Errorf("endless: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Script(ctx, owner, "sleep 60", time.Minute); err == nil {
		t.Error("cancelled: well")
	}
}
