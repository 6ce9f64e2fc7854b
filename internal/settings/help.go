package settings

import (
	"fmt"
	"strings"
)

// Help lists the settings of serve by group: flag, variable, meaning and
// default in columns that fit a terminal of 100 characters.
func Help() string { return helpOf(Catalog()) }

// HelpDatabase is Help for the flags of DefineDatabase.
func HelpDatabase() string { return helpOf(databaseCatalog()) }

const helpWidth = 100

func helpOf(list []Setting) string {
	flagWidth, envWidth := 0, 0
	for _, s := range list {
		flagWidth = max(flagWidth, len(s.flag()))
		envWidth = max(envWidth, len(strings.Join(s.Env, ", ")))
	}
	var b strings.Builder
	for i, s := range list {
		if i == 0 || s.Group != list[i-1].Group {
			fmt.Fprintf(&b, "\n%s:\n", s.Group)
		}
		head := fmt.Sprintf("  %-*s  %-*s  ", flagWidth, s.flag(), envWidth, strings.Join(s.Env, ", "))
		indent := strings.Repeat(" ", len(head))
		for n, line := range wrap(s.meaning(), helpWidth-len(head)) {
			if n > 0 {
				head = indent
			}
			b.WriteString(head + line + "\n")
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// flag is the flag as it is written on a command line.
func (s Setting) flag() string {
	if s.Operand == "" {
		return "--" + s.Name
	}
	return "--" + s.Name + " " + s.Operand
}

// meaning is the usage with the default, where the usage does not say it.
func (s Setting) meaning() string {
	if s.Default == "" {
		return s.Usage
	}
	return fmt.Sprintf("%s (default %s)", s.Usage, s.Default)
}

// wrap breaks a text between words; a longer word gets a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Markdown is Help as tables, for docs/settings.md.
func Markdown() string {
	var b strings.Builder
	group := ""
	for _, s := range Catalog() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n### %s\n\n| flag | variable | default | meaning |\n|---|---|---|---|\n", group)
		}
		fallback := ""
		if s.Default != "" {
			fallback = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.flag(), strings.Join(s.Env, "`, `"), fallback, s.Usage)
	}
	return strings.TrimPrefix(b.String(), "\n")
}
