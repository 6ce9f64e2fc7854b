package naming

import (
	"strings"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	standard := Endpoint{Transport: TCP, Host: "10.0.0.1", Port: 80, Timeout: 3000, Weight: -1}
	with := func(change func(*Endpoint)) Endpoint {
		e := standard
		change(&e)
		return e
	}
	for text, want := range map[string]Endpoint{
		"tcp -h 10.0.0.1 -p 80":                standard,
		"  tcp\t-p 80   -h 10.0.0.1\n":         standard,
		"tcp -h 10.0.0.1 -p 80 -t 60000":       with(func(e *Endpoint) { e.Timeout = 60000 }),
		"udp -h 10.0.0.1 -p 80":                with(func(e *Endpoint) { e.Transport = UDP }),
		"ssl -h 10.0.0.1 -p 80 -e 1":           with(func(e *Endpoint) { e.Transport, e.AuthType = SSL, 1 }),
		"tcp -h * -p 80":                       with(func(e *Endpoint) { e.Host = "0.0.0.0" }),
		"tcp -p 80":                            with(func(e *Endpoint) { e.Host = "0.0.0.0" }),
		"tcp -h 10.0.0.1":                      with(func(e *Endpoint) { e.Port = 0 }),
		"tcp -h 10.0.0.1 -p 1 -p 80":           standard,
		"tcp -h 10.0.0.1 -p 80 -x foo -g 1":    standard,
		"tcp -h 10.0.0.1 -p 80 -w 500":         with(func(e *Endpoint) { e.Weight = 500 }),
		"tcp -h 10.0.0.1 -p 80 -w 500 -v 1":    with(func(e *Endpoint) { e.Weight, e.WeightType = 100, 1 }),
		"tcp -h 10.0.0.1 -p 80 -v 1":           with(func(e *Endpoint) { e.Weight, e.WeightType = 100, 1 }),
		"tcp -h fe80::1%eth0 -p 80":            with(func(e *Endpoint) { e.Host = "fe80::1%eth0" }),
		"tcp -h 10.0.0.1 -p 80 -w 7 -v 0 -q 5": with(func(e *Endpoint) { e.Weight = 7 }),
	} {
		if got, err := ParseEndpoint(text); err != nil || got != want {
			t.Errorf("ParseEndpoint(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestParseEndpointRefuses(t *testing.T) {
	for _, text := range []string{
		"", "   ", "TCP -h a -p 1", "http -h a -p 1", "-h a -p 1", "a:1", "tcp -h a -p x", "tcp -h a -p",
		"tcp -h a -p 65536", "tcp -h a -p -1", "tcp -h a -p 80x", "tcp -h a -p 1 -t", "tcp -h a -p 1 --t 5",
		"tcp -h a -p 1 foo", "tcp -h a -p 1 -e 2", "tcp -h a -p 1 -t 2147483648", "tcp -h a -p 1:tcp -h b -p 2",
	} {
		if got, err := ParseEndpoint(text); err == nil {
			t.Errorf("ParseEndpoint(%q) = %+v, want an error", text, got)
		}
	}
}

func TestObjectPort(t *testing.T) {
	for object, want := range map[string]int32{
		"tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 19385 -t 60000": 19385,
		"tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 0 -t 60000":     0,
		"": -1, "tars.tarsnode.NodeObj": -1, "a@garbage": -1,
	} {
		port, ok := ObjectPort(object)
		if !ok {
			port = -1
		}
		if port != want {
			t.Errorf("ObjectPort(%q) = %d, want %d", object, port, want)
		}
	}
}

// FuzzNextWord: ASCII is cut as Unicode is.
func FuzzNextWord(f *testing.F) {
	for _, text := range []string{"", " ", " tcp -h", "\ttcp\v", "\u00a0tcp\u00a0-h", "tcp\u2003-h", "a\x85b", "\u00e4\u0085 b", "\x1ca b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		word, rest := nextWord(text)
		wantWord, wantRest := nextUnicodeWord(text)
		if word != wantWord || rest != wantRest {
			t.Errorf("%q becomes %q and %q, want %q and %q", text, word, rest, wantWord, wantRest)
		}
	})
}

// FuzzParseEndpoint: what is read can be written, and reads the same again.
func FuzzParseEndpoint(f *testing.F) {
	f.Add("tcp -h 10.0.0.1 -p 80 -t 60000 -w 3 -v 1 -e 1")
	f.Add("udp -p 65535 -h ::1")
	f.Add("ssl -x -g 5")
	f.Fuzz(func(t *testing.T, text string) {
		endpoint, err := ParseEndpoint(text)
		if err != nil {
			return
		}
		if endpoint.Timeout < 0 || endpoint.Weight < -1 || strings.HasPrefix(endpoint.Host, "-") {
			return // legal to read, but no option's argument begins with a dash
		}
		again, err := ParseEndpoint(endpoint.String())
		if err != nil || again != endpoint {
			t.Errorf("%q reads as %+v, written %q reads as %+v, %v", text, endpoint, endpoint.String(), again, err)
		}
	})
}
