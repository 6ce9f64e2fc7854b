//go:build linux

package podtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clockTick is USER_HZ, which is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// BenchmarkPodLife measures one pod from its start to its end: what a user
// waits for, as milliseconds. Run it with -benchtime 5x or so.
func BenchmarkPodLife(b *testing.B) {
	registry := NewRegistry(b)
	var active, inactive, again, probe, gone time.Duration
	for b.Loop() {
		p := NewPod(b, Spec{Locator: registry.Locator(), Env: []string{
			"TARS_CHECK_INTERVAL=", "TARS_CHECK_RETRY_TIMEOUT=", "TARS_REPORT_INTERVAL=", "TARS_EP_UPTIME=", "TARS_PRESTOP_WAITTIME=",
		}})
		begin := time.Now()
		p.Start()
		active += since(b, begin, func() bool { return told(registry, p, "keepAlive active") == 1 })

		begin = time.Now()
		p.Ready()
		probe += time.Since(begin)

		begin = time.Now()
		if err := syscall.Kill(p.ServerPid(), syscall.SIGKILL); err != nil {
			b.Fatal(err)
		}
		inactive += since(b, begin, func() bool { return told(registry, p, "keepAlive inactive") == 1 })
		again += since(b, begin, func() bool { return told(registry, p, "keepAlive active") == 2 })

		gone += p.Delete(90*time.Second, HookThenTerm).Took
		p.Kill()
	}
	for name, total := range map[string]time.Duration{
		"start-to-active-ms": active, "crash-to-inactive-ms": inactive, "crash-to-active-ms": again, "stop-to-gone-ms": gone, "hzcheck-ms": probe,
	} {
		b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), name)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdleSupervisor measures what a supervisor costs while nothing
// happens, with the intervals of a user who sets none.
func BenchmarkIdleSupervisor(b *testing.B) {
	registry := NewRegistry(b)
	p := NewPod(b, Spec{Locator: registry.Locator(), Env: []string{"TARS_CHECK_INTERVAL=", "TARS_REPORT_INTERVAL=", "TARS_PROBE_PORT=17802"}})
	p.Start()
	p.WaitReady()
	const window = 30 * time.Second
	for b.Loop() {
		before := cpuTime(b, p.Pid())
		time.Sleep(window)
		b.ReportMetric(100*float64(cpuTime(b, p.Pid())-before)/float64(window), "%-of-a-core")
	}
	b.ReportMetric(residentMB(b, p.Pid()), "MB-resident")
	b.ReportMetric(0, "ns/op")
}

// told counts how often the registry was told something, repetitions not
// counted.
func told(r *Registry, p *Pod, what string) int {
	return len(slices.DeleteFunc(r.Story(p.Address), func(s string) bool { return s != what }))
}

func since(b *testing.B, begin time.Time, ok func() bool) time.Duration {
	b.Helper()
	for !ok() {
		if time.Since(begin) > 30*time.Second {
			b.Fatal("nothing happens")
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(begin)
}

func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var user, system int64
	fields := strings.Fields(rest)
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * clockTick
}

func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kilobytes float64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}
