//go:build linux

package podtest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWorkerIDs(t *testing.T) {
	for _, tt := range []struct {
		name, setting, hostname string
		leased                  string
		want, told              string
	}{
		{"a number", "17", "", "", "17", "17"},
		{"a StatefulSet's ordinal", "auto", "web-4", "", "4", "4"},
		{"leased", "auto", "web-7d9f5c-x2x4z", "23", "23", "want"},
		{"off", "", "web-4", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, registry := newPod(t, Spec{Env: []string{"TARS_WORKER_ID=" + tt.setting, "HOSTNAME=" + tt.hostname}})
			p.writeFile("merge.conf", "<tars>\n<application>\n<server>\nid=w${worker_id}\n</server>\n</application>\n</tars>\n", 0o644)
			if tt.want != "" {
				p.Setenv("TARS_MERGE_CONF", p.Path("merge.conf"))
			}
			if tt.leased != "" {
				registry.Answer(func(Call) map[string]string { return map[string]string{"tars-worker-id": tt.leased} })
			}
			p.Start()
			waitActive(t, p, registry)
			p.WaitOutput("worker id " + tt.want + "\n")
			if tt.want != "" {
				expectContains(t, "the configuration", p.Read("conf", "Pod.conf"), "id=w"+tt.want+"\n")
			}
			calls := registry.Calls(p.Address)
			if got := calls[0].Context["tars-worker"]; got != tt.told {
				t.Errorf("the registry was told %q, want %q", got, tt.told)
			}
			if got := calls[len(calls)-1].Context["tars-worker"]; got != tt.want {
				t.Errorf("later the registry was told %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNoServerWithoutThePromisedWorkerID(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{"TARS_WORKER_ID=auto", "TARS_ACTIVATING_TIMEOUT=2s"}})
	p.Start()
	if code := p.Exited(20 * time.Second); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(p.Output(), "podserver is up") {
		t.Error("the server was started")
	}
	expectContains(t, "the log", p.Log(), "no worker id was leased")
	story := registry.Story(p.Address)
	if slices.Contains(story, "keepAlive active") || story[len(story)-1] != "onPrestop" {
		t.Errorf("the registry was told %q", story)
	}
}
