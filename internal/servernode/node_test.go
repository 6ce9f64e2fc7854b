package servernode

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/nodef"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

func TestKeepAlivesOverTheWire(t *testing.T) {
	endpoint := "tcp -h 127.0.0.1 -p " + strconv.Itoa(mariadbtest.Port(t)) + " -t 60000"
	n, err := Listen(t.Context(), "tars.tarsnode.ServerObj@"+endpoint, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()

	keepAlive := codec.NewBuffer()
	info := nodef.ServerInfo{Application: "App", ServerName: "Srv", Pid: 7, Adapter: "A"}
	if err := info.WriteBlock(keepAlive, 1); err != nil {
		t.Fatal(err)
	}
	version := codec.NewBuffer()
	for tag, text := range []string{1: "App", 2: "Srv", 3: "1.4.6"} {
		if tag == 0 {
			continue
		}
		if err := version.WriteString(text, byte(tag)); err != nil {
			t.Fatal(err)
		}
	}
	var dialer tarsclient.Dialer
	for function, body := range map[string][]byte{"keepAlive": keepAlive.ToBytes(), "keepActiving": keepAlive.ToBytes(), "reportVersion": version.ToBytes()} {
		response, err := dialer.Invoke(t.Context(), endpoint, tarsclient.Request{Servant: "tars.tarsnode.ServerObj", Function: function, Body: body})
		if err != nil {
			t.Fatalf("%s: %v", function, err)
		}
		code := int32(-1)
		if err := codec.NewReader(response.Body).ReadInt32(&code, 0, true); err != nil || code != 0 {
			t.Errorf("%s: %d, %v", function, code, err)
		}
	}
	if n.Version() != "1.4.6" {
		t.Errorf("version %q", n.Version())
	}
	if at, err := n.GetLatestKeepAliveTime(t.Context()); err != nil || at == 0 {
		t.Errorf("last keepalive at %d, %v", at, err)
	}
}

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{log: slog.New(slog.DiscardHandler)}
		time.Sleep(time.Hour)
		if err := n.Check(time.Minute); err != nil {
			t.Errorf("never reported: %v", err)
		}
		if _, err := n.KeepAlive(t.Context(), &nodef.ServerInfo{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if err := n.Check(time.Minute); err != nil {
			t.Errorf("reported lately: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := n.Check(time.Minute); err == nil || !strings.Contains(err.Error(), "1m1s") {
			t.Errorf("silent: %v", err)
		}
		n.Restarted()
		if err := n.Check(time.Minute); err != nil {
			t.Errorf("another server: %v", err)
		}
	})
}

func TestBadLocator(t *testing.T) {
	for _, locator := range []string{"", "tars.tarsnode.ServerObj", "o@http -p 1", "o@tcp -h 203.0.113.1 -p 1"} {
		if n, err := Listen(t.Context(), locator, slog.New(slog.DiscardHandler)); err == nil {
			n.Close()
			t.Errorf("%q is listened to", locator)
		}
	}
}
