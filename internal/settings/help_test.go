package settings

import (
	"os"
	"strings"
	"testing"
)

func TestHelpNamesEverything(t *testing.T) {
	help := Help()
	for _, s := range Catalog() {
		for _, text := range append([]string{"--" + s.Name, s.Default}, s.Env...) {
			if !strings.Contains(help, text) {
				t.Errorf("help lacks %s", text)
			}
		}
	}
	for line := range strings.Lines(help) {
		if len(line) > helpWidth+1 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
	if strings.Contains(HelpDatabase(), "query-port") {
		t.Error("migrate's help has --query-port")
	}
}

func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		"one":               "one",
		"one two three":     "one two|three",
		"a longword-indeed": "a|longword-indeed",
	} {
		if got := strings.Join(wrap(text, 8), "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestDocumentationIsCurrent(t *testing.T) {
	const path = "../../docs/settings.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), Markdown()) {
		t.Errorf("%s lacks the settings as they are; it must contain:\n\n%s", path, Markdown())
	}
}
