package settings

import (
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/registry"
)

// tarsConfig is what genconf writes for the registry's own image, shortened.
const tarsConfig = `<tars>
    <application>
        enableset=n
        setdivision=NULL
        <client>
            locator=tars.tarsregistry.QueryObj@tcp -h 10.0.0.9 -p 17890
            modulename=tars.tarsregistry
        </client>
        <server>
            app=tars
            server=tarsregistry
            localip=10.0.0.9
            local=tcp -h 127.0.0.1 -p 11385 -t 3000
            logLevel=DEBUG
            <tars.tarsregistry.QueryObjAdapter>
                allow
                endpoint=tcp -h 10.0.0.9 -p 11890 -t 60000
                servant=tars.tarsregistry.QueryObj
                threads=5
            </tars.tarsregistry.QueryObjAdapter>
            <tars.tarsregistry.RegistryAdapter>
                endpoint=tcp -h 10.0.0.9 -p 11892 -t 60000
                servant=tars.tarsregistry.Registry
            </tars.tarsregistry.RegistryAdapter>
            <some.other.ObjAdapter>
                endpoint=this is not ours
                servant=some.other.Obj
            </some.other.ObjAdapter>
        </server>
    </application>
</tars>
`

// edited is the configuration with pairs of texts replaced.
func edited(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(tarsConfig) }

func TestConfigFile(t *testing.T) {
	const off = registry.PortOff
	type ports struct{ query, node, pod, http, admin registry.Port }
	tests := []struct {
		name      string
		text      string
		env       environment
		args      []string
		ports     ports
		host      string
		queryHost string
		advertise string
	}{
		{"as genconf writes it", tarsConfig, nil, nil,
			ports{11890, off, 11892, 9325, 11385}, "10.0.0.9", "10.0.0.9", "10.0.0.9"},
		{"flags turn on what it does not name", tarsConfig, nil, []string{"--node-port=0", "--http-port=off", "--admin-port=1"},
			ports{11890, 0, 11892, off, 1}, "10.0.0.9", "10.0.0.9", "10.0.0.9"},
		{"the pod's address counts before its hosts", tarsConfig, environment{"POD_IP": "10.0.0.8"}, nil,
			ports{11890, off, 11892, 9325, 11385}, "10.0.0.8", "", "10.0.0.8"},
		{"no local", edited("local=tcp -h 127.0.0.1 -p 11385 -t 3000", ""), nil, nil,
			ports{11890, off, 11892, 9325, off}, "10.0.0.9", "10.0.0.9", "10.0.0.9"},
		{"only pods", edited("servant=tars.tarsregistry.QueryObj", "servant=x.y.z"), nil, nil,
			ports{off, off, 11892, 9325, 11385}, "10.0.0.9", "", "10.0.0.9"},
		{"everywhere, with localip", edited("endpoint=tcp -h 10.0.0.9", "endpoint=tcp -h 0.0.0.0"), nil, nil,
			ports{11890, off, 11892, 9325, 11385}, "0.0.0.0", "0.0.0.0", "10.0.0.9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := writeFile(t, "tars.conf", test.text)
			o := mustLoad(t, test.env, append(test.args, "--config", file)...)
			if got := (ports{o.Query.Port, o.Node.Port, o.Pod.Port, o.HTTP.Port, o.Admin.Port}); got != test.ports {
				t.Errorf("ports %+v, want %+v", got, test.ports)
			}
			if o.Host != test.host || o.Query.Host != test.queryHost || o.AdvertiseHost != test.advertise {
				t.Errorf("hosts %q %q %q, want %q %q %q", o.Host, o.Query.Host, o.AdvertiseHost, test.host, test.queryHost, test.advertise)
			}
			if o.Admin.Host != "127.0.0.1" {
				t.Errorf("admin host %q", o.Admin.Host)
			}
		})
	}
}

func TestBadConfigFile(t *testing.T) {
	tests := []struct{ name, text, rule string }{
		{"no XML-like text", "<tars>", "line 1"},
		{"empty", "", "<tars><application><server>"},
		{"no servant of ours", edited("servant=tars.", "servant=other."), "nothing would be served"},
		{"an endpoint that is none", edited("-p 11890", "-p x"), "QueryObjAdapter<endpoint>"},
		{"a port beyond the last", edited("-p 11890", "-p 70000"), "QueryObjAdapter<endpoint>"},
		{"udp", edited("endpoint=tcp -h 10.0.0.9 -p 11892", "endpoint=udp -h 10.0.0.9 -p 11892"), "not a tcp endpoint"},
		{"twice", edited("servant=tars.tarsregistry.QueryObj", "servant=tars.tarsregistry.Registry"), "has an adapter already"},
		{"local", edited("local=tcp", "local=tpc"), "/tars/application/server<local>"},
		{"admin beyond loopback", edited("local=tcp -h 127.0.0.1", "local=tcp -h 10.0.0.9"), "token"},
		{"level", edited("logLevel=DEBUG", "logLevel=LOUD"), `logLevel is "LOUD"`},
		{"host", edited("-h 10.0.0.9 -p 11890", "-h 10.0.0.999 -p 11890"), "10.0.0.999"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t, nil, "--config", writeFile(t, "tars.conf", test.text))
			checkError(t, err, "--", test.rule)
		})
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(tarsConfig)
	f.Add(edited("-p 11890", "-p x"))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseConfig("--config x", text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		for servant, l := range c.listen {
			if l.port == "" {
				t.Errorf("%s is on without a port", servant)
			}
		}
	})
}
