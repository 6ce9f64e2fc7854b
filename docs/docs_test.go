package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// namesIn gives the first group of each match, sorted, each once.
func namesIn(pattern, text string) []string {
	var names []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestAlertsAreRules: the alerts can be copied, and lead into the runbook.
func TestAlertsAreRules(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(groups:.*?)```").FindStringSubmatch(read(t, "metrics.md"))
	if block == nil {
		t.Fatal("the page has no alerts")
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(block[1]), &rules); err != nil {
		t.Fatal(err)
	}
	anchors := anchorsOf(read(t, "runbook.md"))
	if len(rules.Groups) != 1 || len(rules.Groups[0].Rules) < 8 {
		t.Fatalf("rules %+v", rules)
	}
	for _, rule := range rules.Groups[0].Rules {
		section, has := rule.Annotations["runbook"]
		switch {
		case rule.Expr == "" || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "":
			t.Errorf("%s is not complete", rule.Alert)
		case has && !slices.Contains(anchors, section):
			t.Errorf("%s leads to the section %q, which the runbook does not have", rule.Alert, section)
		}
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("*.md")
	if err != nil || len(list) < 9 {
		t.Fatalf("pages %q, %v", list, err)
	}
	return append(list, "../README.md")
}

// anchorsOf are the anchors of a page's headings, as its readers make them.
func anchorsOf(page string) []string {
	var anchors []string
	for _, heading := range namesIn(`(?m)^#+ (.+)$`, page) {
		text := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), "")
		anchors = append(anchors, strings.ReplaceAll(text, " ", "-"))
	}
	return anchors
}

// TestLinks: whoever follows a link at night gets somewhere.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		for _, link := range namesIn(`\]\(([^)\s]+)\)`, read(t, page)) {
			if strings.Contains(link, "://") {
				continue
			}
			path, anchor, _ := strings.Cut(link, "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, link, err)
				continue
			}
			if anchor != "" && !slices.Contains(anchorsOf(read(t, target)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, link)
			}
		}
	}
}
