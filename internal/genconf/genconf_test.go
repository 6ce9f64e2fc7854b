package genconf

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/util/conf"
	"github.com/TarsCloud/TarsGo/tars/util/endpoint"

	"github.com/tarsregistry/tarsregistry/internal/pod"
)

var update = flag.Bool("update", false, "write the golden files anew (read them before you commit)")

// environment is that of a pod with the metadata under a fresh $TARS_PATH.
func environment(t *testing.T, meta string, words ...string) *pod.Environment {
	t.Helper()
	root := t.TempDir()
	write(t, pod.Paths{Root: root}.Meta(), meta)
	env, err := pod.ReadEnvironment(func(name string) (string, bool) {
		for _, w := range append(words, "TARS_PATH="+root, "POD_IP=127.0.0.1") {
			if n, v, _ := strings.Cut(w, "="); n == name {
				return v, true
			}
		}
		return "", false
	})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func settled(t *testing.T, meta string) *pod.Info {
	t.Helper()
	m, err := pod.ParseMeta([]byte(meta))
	if err != nil {
		t.Fatal(err)
	}
	return &pod.Info{Conf: m, LocalIP: "10.1.2.3", TarsPath: "/tars", BuildServer: "Hello"}
}

const plain = `
application: App
server: Hello
locator: tars.tarsregistry.QueryObj@tcp -h 10.0.0.1 -p 17890
local: tcp -h 127.0.0.1 -p 13000 -t 5000
adapters:
  - object: HelloObj
    endpoint: tcp -h 10.1.2.3 -p 13001 -t 30000
`

const full = plain + `
  - object: WebObj
    endpoint: tcp -h 10.1.2.3 -p 8080 -t 60000
    protocol: not_tars
    maxconns: 10
    queuecap: 20
    queuetimeout: 30000
    threads: 1
set_id: eu.west.1
sample_rate: 1
max_sample_count: 2
statObj: a.b.StatObj
propertyObj: a.b.PropertyObj
asyncThreadNum: 4
sync_invoke_timeout: 5
async_invoke_timeout: 6s
report_interval: 7
refresh_endpoint_interval: 60000
logSize: 9M
logNum: 10
configObj: a.b.ConfigObj
notifyObj: a.b.NotifyObj
logObj: a.b.LogObj
logLevel: INFO
deactivating_timeout: 11
`

func TestGolden(t *testing.T) {
	over := filepath.Join(t.TempDir(), "merge.conf")
	write(t, over, `# laid over
<tars><application>
  <client>
    sync-invoke-timeout = 9999
    # an id generator's
    worker=${worker_id} of ${namespace} at ${local_ip}
  </client>
  <server>
    node=tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p 19386 -t 60000
    <App.Hello.HelloObjAdapter>
      threads=50
    </App.Hello.HelloObjAdapter>
  </server>
  <own>
    10.0.0.1
    10.0.0.2
  </own>
</application></tars>
`)
	for name, tt := range map[string]struct {
		meta, merge, worker string
	}{
		"plain": {plain, "", ""},
		"full":  {full, "", ""},
		"merge": {plain, over, "7"},
	} {
		t.Run(name, func(t *testing.T) {
			info := settled(t, tt.meta)
			info.WorkerID = tt.worker
			result, err := Build(&pod.Environment{MergeConf: tt.merge, Namespace: "games"}, info)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".conf")
			if *update {
				write(t, file, result.Text)
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if result.Text != string(want) {
				t.Errorf("got\n%s\nwant\n%s", result.Text, want)
			}
			if len(result.Warnings) > 0 {
				t.Errorf("warnings: %q", result.Warnings)
			}
		})
	}
}

// tarsGo reads the text as a TarsGo server does.
func tarsGo(t *testing.T, text string) *conf.Conf {
	t.Helper()
	c := conf.New()
	if err := c.InitFromString(text); err != nil {
		t.Fatalf("TarsGo: %v in\n%s", err, text)
	}
	return c
}

func TestTarsGoReadsIt(t *testing.T) {
	result, err := Build(&pod.Environment{}, settled(t, full))
	if err != nil {
		t.Fatal(err)
	}
	c := tarsGo(t, result.Text)
	for path, want := range map[string]string{
		"/tars/application<enableset>":                                   "y",
		"/tars/application<setdivision>":                                 "eu.west.1",
		"/tars/application/client<locator>":                              "tars.tarsregistry.QueryObj@tcp -h 10.0.0.1 -p 17890",
		"/tars/application/client<sync-invoke-timeout>":                  "5",
		"/tars/application/client<async-invoke-timeout>":                 "6000",
		"/tars/application/client<refresh-endpoint-interval>":            "60000",
		"/tars/application/client<stat>":                                 "a.b.StatObj",
		"/tars/application/client<property>":                             "a.b.PropertyObj",
		"/tars/application/client<report-interval>":                      "7",
		"/tars/application/client<sample-rate>":                          "1",
		"/tars/application/client<max-sample-count>":                     "2",
		"/tars/application/client<asyncthread>":                          "4",
		"/tars/application/client<modulename>":                           "App.Hello",
		"/tars/application/server<app>":                                  "App",
		"/tars/application/server<server>":                               "Hello",
		"/tars/application/server<localip>":                              "10.1.2.3",
		"/tars/application/server<local>":                                "tcp -h 127.0.0.1 -p 13000 -t 5000",
		"/tars/application/server<basepath>":                             "/tars/bin/",
		"/tars/application/server<datapath>":                             "/tars/data/",
		"/tars/application/server<logpath>":                              "/tars/log/",
		"/tars/application/server<logLevel>":                             "INFO",
		"/tars/application/server<logsize>":                              "9M",
		"/tars/application/server<lognum>":                               "10",
		"/tars/application/server<config>":                               "a.b.ConfigObj",
		"/tars/application/server<notify>":                               "a.b.NotifyObj",
		"/tars/application/server<log>":                                  "a.b.LogObj",
		"/tars/application/server<deactivating-timeout>":                 "11",
		"/tars/application/server/App.Hello.WebObjAdapter<allow>":        "",
		"/tars/application/server/App.Hello.WebObjAdapter<handlegroup>":  "App.Hello.WebObjAdapter",
		"/tars/application/server/App.Hello.WebObjAdapter<servant>":      "App.Hello.WebObj",
		"/tars/application/server/App.Hello.WebObjAdapter<endpoint>":     "tcp -h 10.1.2.3 -p 8080 -t 60000",
		"/tars/application/server/App.Hello.WebObjAdapter<maxconns>":     "10",
		"/tars/application/server/App.Hello.WebObjAdapter<protocol>":     "not_tars",
		"/tars/application/server/App.Hello.WebObjAdapter<queuecap>":     "20",
		"/tars/application/server/App.Hello.WebObjAdapter<queuetimeout>": "30000",
		"/tars/application/server/App.Hello.WebObjAdapter<threads>":      "1",
	} {
		if got := c.GetStringWithDef(path, "(missing)"); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	if got := c.GetDomain("/tars/application/server"); len(got) != 2 {
		t.Errorf("adapters = %q", got)
	}
}

func TestIPv6(t *testing.T) {
	env := environment(t, "application: App\nserver: S\nadapters:\n  - object: A\n", "POD_IP=::1")
	result, err := Generate(env)
	if err != nil {
		t.Fatal(err)
	}
	c := tarsGo(t, result.Text)
	e := endpoint.Parse(c.GetString("/tars/application/server/App.S.AAdapter<endpoint>"))
	if e.Host != "::1" || e.Bind != "[::1]" || e.Port < 13000 || e.Timeout != 30000 {
		t.Errorf("TarsGo reads %+v", e)
	}
	if ip := c.GetString("/tars/application/server<localip>"); ip != "::1" {
		t.Errorf("localip = %q", ip)
	}
}

func TestRefreshInterval(t *testing.T) {
	names := "application: App\nserver: S\n"
	for _, tt := range []struct {
		meta  string
		words []string
		want  int
	}{
		{names, nil, 10000},
		{names, []string{"TARS_EP_UPTIME=60000"}, 60000},
		{names, []string{"TARS_EP_UPTIME=10s"}, 10000},
		{names + "refresh_endpoint_interval: 60000\n", nil, 60000},
		{names + "refresh_endpoint_interval: 60000\n", []string{"TARS_EP_UPTIME=5000"}, 5000},
		{names + "refresh_endpoint_interval: 20s\n", []string{"TARS_EP_UPTIME="}, 20000},
	} {
		result, err := Generate(environment(t, tt.meta, tt.words...))
		if err != nil {
			t.Fatal(err)
		}
		if got := tarsGo(t, result.Text).GetInt("/tars/application/client<refresh-endpoint-interval>"); got != tt.want {
			t.Errorf("%q with %q: %d, want %d", tt.meta, tt.words, got, tt.want)
		}
	}
}

func TestWriteTwiceIsTheSame(t *testing.T) {
	env := environment(t, "application: App\nserver: S\nadapters:\n  - object: A\n", "TARS_BUILD_SERVER=Binary")
	var texts [2]string
	for i := range texts {
		result, err := Generate(env)
		if err != nil {
			t.Fatal(err)
		}
		if err := result.Write(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(env.Paths.Conf("Binary.conf"))
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if texts[0] != texts[1] {
		t.Errorf("first\n%s\nthen\n%s", texts[0], texts[1])
	}
	if _, err := pod.LoadInfo(env.Paths); err != nil {
		t.Error(err)
	}
}

func TestMergeTakesTheAdminEndpointAlong(t *testing.T) {
	over := filepath.Join(t.TempDir(), "m.conf")
	write(t, over, "<tars>\n<application>\n<server>\nlocal=tcp -h 127.0.0.1 -p 1234 -t 1\n<App.Hello.HelloObjAdapter>\nendpoint=tcp -h 0.0.0.0 -p 13001\n</App.Hello.HelloObjAdapter>\n</server>\n</application>\n</tars>\n")
	info := settled(t, plain)
	result, err := Build(&pod.Environment{MergeConf: over}, info)
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Info.Conf.Local; got != "tcp -h 127.0.0.1 -p 1234 -t 1" {
		t.Errorf("local = %q", got)
	}
	if info.Conf.Local == result.Info.Conf.Local {
		t.Error("the caller's information was changed")
	}
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "TARS_MERGE_CONF moves App.Hello.HelloObj") {
		t.Errorf("warnings = %q", result.Warnings)
	}
}

func TestRefuses(t *testing.T) {
	folder := t.TempDir()
	broken, worker := filepath.Join(folder, "broken"), filepath.Join(folder, "worker")
	write(t, broken, "<tars>\n<application>\n</tars>\n")
	write(t, worker, "<a>\nid=${worker_id}\n</a>\n")
	for name, tt := range map[string]struct{ meta, merge, want string }{
		"no such file":   {plain, filepath.Join(folder, "none"), "TARS_MERGE_CONF: read configuration"},
		"broken":         {plain, broken, "TARS_MERGE_CONF: " + broken + ": line 3: </tars> stands where"},
		"no worker id":   {plain, worker, "uses ${worker_id} and this pod has none"},
		"value of a tag": {plain + "logObj: a <b> c\n", "", "has a < in it"},
		"several lines":  {plain + "logLevel: |\n  DEBUG\n  <x>\n", "", "logLevel"},
		"adapter's name": {plain + "  - object: a b\n    endpoint: tcp -p 1\n", "", "has no blanks"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Build(&pod.Environment{MergeConf: tt.merge}, settled(t, tt.meta))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want …%s…", err, tt.want)
			}
		})
	}
}

func TestProblemsOfTheMergedFileWarn(t *testing.T) {
	over := filepath.Join(t.TempDir(), "m.conf")
	write(t, over, "<tars>\nurl=http://h/?a=1&b=2\n</tars>\n")
	result, err := Build(&pod.Environment{MergeConf: over}, settled(t, plain))
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], over+": line 2: url has a &") {
		t.Errorf("warnings = %q", result.Warnings)
	}
}
