package notify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/adminf"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"

	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// answers is an AdminObj that says what is written down; "!" in front makes it
// an error.
type answers map[string]string

func (answers) Shutdown() error { return nil }

func (a answers) Notify(command string) (string, error) {
	answer, ok := a[command]
	if !ok {
		answer = a["*"]
	}
	if text, failed := strings.CutPrefix(answer, "!"); failed {
		return "", errors.New(text)
	}
	return answer, nil
}

// serve answers on loopback with TarsGo's generated code and tells the token
// of every request.
func serve(t *testing.T, servant answers, token *string) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answerOne(conn, servant, token)
			conn.Close()
		}
	}()
	return Target{Endpoint: fmt.Sprintf("tcp -h 127.0.0.1 -p %d", l.Addr().(*net.TCPAddr).Port)}
}

func answerOne(conn net.Conn, servant answers, token *string) {
	var length uint32
	if err := binary.Read(conn, binary.BigEndian, &length); err != nil {
		return
	}
	body := make([]byte, length-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return
	}
	var req requestf.RequestPacket
	var rsp requestf.ResponsePacket
	if err := req.ReadFrom(codec.NewReader(body)); err != nil || req.SServantName != "AdminObj" {
		return
	}
	*token = req.Context["tars-token"]
	if err := new(adminf.AdminF).Dispatch(context.Background(), servant, &req, &rsp, false); err != nil {
		rsp = requestf.ResponsePacket{IVersion: 1, IRequestId: req.IRequestId, IRet: 1, SResultDesc: err.Error()}
	}
	buf := codec.NewBuffer()
	if err := rsp.WriteTo(buf); err != nil {
		return
	}
	out := buf.ToBytes()
	_, _ = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(out)+4)), out...))
}

func TestSend(t *testing.T) {
	tarsGo := answers{
		"tars.viewversion":       "1.4.6",
		"tars.setloglevel INFO":  "tars.setloglevel INFO succ",
		"tars.setloglevel LOUD":  "tars.setloglevel failed: unknown log level [LOUD]!",
		"tars.setloglevel":       "tars.setloglevel failed: missing loglevel!",
		"tars.loadconfig x.conf": "Getconfig Error!: x.conf",
		"silent":                 "",
		"broken":                 "!database is away",
		"about":                  "done\nunknown command in line 2",
		"*":                      "nonsense not support now!",
		"tars.help":              "tars.help not support now!",
	}
	tarsCpp := answers{
		"tars.viewversion":      "[notify prefix object num:1]\n[1]:$3.0$\n",
		"tars.loadconfig x":     "[notify prefix object num:1]\n[1]:[fail] get remote config x\n",
		"HELLO":                 "",
		"tars.help":             "[notify prefix object num:1]\n[1]:HELLO\r\ntars.help\r\ntars.viewversion\r\n\n",
		"*":                     "",
		"tars.setloglevel INFO": "[notify prefix object num:1]\n[1]:set log level [INFO] ok\n",
	}
	const ok, refused, unknown, failed = "ok", "refused", "unknown", "failed"
	for _, tt := range []struct {
		server  answers
		command string
		want    string
	}{
		{tarsGo, "tars.viewversion", ok},
		{tarsGo, "  tars.viewversion\n", ok},
		{tarsGo, "tars.setloglevel INFO", ok},
		{tarsGo, "tars.setloglevel LOUD", refused},
		{tarsGo, "tars.setloglevel", refused},
		{tarsGo, "tars.loadconfig x.conf", refused},
		{tarsGo, "silent", ok},
		{tarsGo, "about", ok},
		{tarsGo, "nonsense", unknown},
		{tarsGo, "broken", failed},
		{tarsCpp, "tars.viewversion", ok},
		{tarsCpp, "tars.setloglevel INFO", ok},
		{tarsCpp, "HELLO", ok},
		{tarsCpp, "tars.loadconfig x", refused},
		{tarsCpp, "nonsense", unknown},
		{tarsCpp, "", failed},
	} {
		var token string
		target := serve(t, tt.server, &token)
		answer, err := Send(t.Context(), target, tt.command)
		got := ok
		var no *RefusedError
		switch {
		case errors.As(err, &no) && no.Unknown:
			got = unknown
		case errors.As(err, &no):
			got = refused
		case err != nil:
			got = failed
		}
		if got != tt.want || got == ok && answer != tt.server[strings.TrimSpace(tt.command)] {
			t.Errorf("%q: %s (%q, %v), want %s", tt.command, got, answer, err, tt.want)
		}
	}
}

func TestToken(t *testing.T) {
	token := "?"
	target := serve(t, answers{"*": "x"}, &token)
	if _, err := Send(t.Context(), target, "x"); err != nil || token != "" {
		t.Errorf("without: %q, %v", token, err)
	}
	target.Token = "s3cret"
	if _, err := Send(t.Context(), target, "x"); err != nil || token != "s3cret" {
		t.Errorf("with: %q, %v", token, err)
	}
	target = Target{Endpoint: "tcp -h 127.0.0.1 -p 1", Token: "s3cret"}
	if _, err := Send(t.Context(), target, "x"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error = %v", err)
	}
}

func TestTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target := Target{Endpoint: fmt.Sprintf("tcp -h 127.0.0.1 -p %d", l.Addr().(*net.TCPAddr).Port), Dialer: tarsclient.Dialer{Timeout: time.Millisecond}}
	if _, err := Send(t.Context(), target, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
}

func TestEndpoint(t *testing.T) {
	paths := pod.Paths{Root: t.TempDir()}
	env := &pod.Environment{Paths: paths}
	if _, err := Endpoint(env, ""); err == nil || !strings.Contains(err.Error(), "give --endpoint or TARS_ADMIN_ENDPOINT") {
		t.Errorf("nothing configured: %v", err)
	}
	info := &pod.Info{Conf: pod.DefaultMeta(), TarsPath: paths.Root, BuildServer: "S"}
	info.Conf.Local = "tcp -h 127.0.0.1 -p 13000 -t 5000"
	if err := info.Save(); err != nil {
		t.Fatal(err)
	}
	check := func(what, given, want string) {
		t.Helper()
		if got, err := Endpoint(env, given); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", what, got, err, want)
		}
	}
	check("from the information", "", "tcp -h 127.0.0.1 -p 13000 -t 5000")
	if err := os.MkdirAll(filepath.Dir(info.ConfFile()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(info.ConfFile(), []byte("<tars>\n<application>\n<server>\nlocal=tcp -h 127.0.0.1 -p 99\n</server>\n</application>\n</tars>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check("from the configuration", "", "tcp -h 127.0.0.1 -p 99")
	env.AdminEndpoint = "tars.tarsregistry.AdminObj@tcp -h registry -p 17892 -t 1000"
	check("from the environment", "", "tcp -h registry -p 17892 -t 1000")
	check("from the flag", "10.0.0.1:80", "tcp -h 10.0.0.1 -p 80")
	check("IPv6", "[::1]:80", "tcp -h ::1 -p 80")
	for _, bad := range []string{"10.0.0.1", "tcp -h x", "x:y", "x@"} {
		if got, err := Endpoint(env, bad); err == nil || !strings.Contains(err.Error(), "--endpoint") {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}
