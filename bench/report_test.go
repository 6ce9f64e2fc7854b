//go:build unix

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// results are the tables of this run. TestMain prints them when all benchmarks
// are through; Go offers benchmarks no other place to meet.
var results = report{started: time.Now(), loadBefore: loadAverage()}

// report is a Markdown document in the making.
type report struct {
	started    time.Time
	loadBefore string

	mu       sync.Mutex
	sections []*section
}

// section is one table, with what is to be known of it.
type section struct {
	title  string
	header []string
	rows   [][]string
	notes  []string
}

func (r *report) section(title string, header ...string) *section {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &section{title: title, header: header}
	r.sections = append(r.sections, s)
	return s
}

func (s *section) row(cells ...string) { s.rows = append(s.rows, cells) }

func (s *section) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *section) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", s.title)
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(s.header)
	fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(s.header)))
	for _, row := range s.rows {
		line(row)
	}
	for _, note := range s.notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	return b.String()
}

// write puts the report into a file, or on standard output where none is named.
func (r *report) write(path string) error {
	if len(r.sections) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, took %s. %s.\nLoad average before %s, after %s.\n\n", r.started.UTC().Format("2006-01-02 15:04 MST"),
		time.Since(r.started).Round(time.Second), machine(), r.loadBefore, loadAverage())
	for _, s := range r.sections {
		fmt.Fprintln(&b, s)
	}
	if path == "" {
		_, err := fmt.Print("\n", b.String())
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func machine() string {
	database := "no MariaDB"
	if out, err := exec.Command("mariadbd", "--no-defaults", "--version").Output(); err == nil {
		_, after, _ := strings.Cut(string(out), "Ver ")
		database, _, _ = strings.Cut(after, " ")
	}
	return fmt.Sprintf("%s/%s, %d CPUs%s, %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), runtime.Version(), database)
}

// processor is the model of the CPU, where the system tells.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	_, after, found := strings.Cut(string(info), "model name")
	if !found {
		return ""
	}
	model, _, _ := strings.Cut(after, "\n")
	return " (" + strings.TrimLeft(model, "\t :") + ")"
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

func rate(v float64) string { return fmt.Sprintf("%.0f", v) }

func micros(v float64) string { return fmt.Sprintf("%.1f", v) }

func ratio(v float64) string { return fmt.Sprintf("%.2f", v) }

// duration is a time for people, with three digits or so.
func duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", bytes>>20) }

func TestReport(t *testing.T) {
	var r report
	s := r.section("Title", "a", "b")
	s.row("1", "2")
	s.note("note %d", 1)
	path := filepath.Join(t.TempDir(), "folder", "report.md")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "### Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nnote 1\n"; !strings.Contains(string(text), want) {
		t.Errorf("%s\ndoes not contain\n%s", text, want)
	}
}
