package pod

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// variables reads environment variables and collects what is wrong with them.
type variables struct {
	lookup   Lookup
	errs     []error
	warnings []string
}

// get trims, because values from files in manifests end in line breaks.
func (v *variables) get(name string) (string, bool) {
	value, _ := v.lookup(name)
	value = strings.TrimSpace(value)
	return value, value != ""
}

func (v *variables) fail(name, why string) {
	v.errs = append(v.errs, fmt.Errorf("%s %s", name, why))
}

func (v *variables) warn(name, format string, args ...any) {
	v.warnings = append(v.warnings, name+" "+fmt.Sprintf(format, args...))
}

func (v *variables) text(name, fallback string) string {
	if value, ok := v.get(name); ok {
		return value
	}
	return fallback
}

func (v *variables) number(name string, fallback, low, high int) int {
	value, ok := v.get(name)
	if !ok {
		return fallback
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		v.fail(name, fmt.Sprintf("is %q, not a whole number", value))
		return fallback
	}
	if n < low || n > high {
		v.fail(name, fmt.Sprintf("is %d; it must be between %d and %d", n, low, high))
		return fallback
	}
	return n
}

func (v *variables) duration(name string, fallback time.Duration) time.Duration {
	value, ok := v.get(name)
	if !ok {
		return fallback
	}
	d, err := ParseDuration(value)
	if err != nil {
		v.fail(name, fmt.Sprintf("is %q: %s", value, err))
		return fallback
	}
	if d > 0 && d < 100*time.Millisecond || d > 24*time.Hour {
		v.warn(name, "is %s; check its unit (30s is thirty seconds)", d)
	}
	return d
}

// interval is a duration that can't be 0.
func (v *variables) interval(name string, fallback time.Duration) time.Duration {
	d := v.duration(name, fallback)
	if d == 0 {
		v.fail(name, "is 0; it must be longer")
		return fallback
	}
	return d
}

func (v *variables) refreshInterval(name string) time.Duration {
	value, ok := v.get(name)
	if !ok {
		return 0
	}
	m, err := ParseMilliseconds(value)
	if err == nil && m < 1 {
		err = errors.New("it must be 1 ms or more")
	}
	if err != nil {
		v.fail(name, fmt.Sprintf("is %q: %s", value, err))
		return 0
	}
	d := m.Duration()
	if d < time.Second {
		v.warn(name, "is %s: a bare number is in milliseconds; for %d seconds write %ds", d, m, m)
	}
	return d
}

func (v *variables) gracePeriod(name string) time.Duration {
	value, ok := v.get(name)
	if !ok {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return v.duration(name, 0)
}

func (v *variables) workerID(name string) WorkerID {
	value, _ := v.get(name)
	id, err := ParseWorkerID(value)
	if err != nil {
		v.fail(name, err.Error())
	}
	return id
}

// ParseDuration reads a duration with its unit: 500ms, 30s, 1m30s, 2h, 1d, and
// 0. A bare number is refused, because nobody can tell its unit.
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 15); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err == nil && d >= 0 {
		return d, nil
	}
	if err == nil {
		return 0, errors.New("it must not be negative")
	}
	if _, err := strconv.Atoi(text); err == nil {
		return 0, fmt.Errorf("it has no unit: write %ss or %sms", text, text)
	}
	return 0, errors.New("it is no duration: write 30s, 500ms or 5m")
}

// Milliseconds is a length of time as Tars' configuration has it.
type Milliseconds int

// Duration converts it.
func (m Milliseconds) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

// ParseMilliseconds reads a bare number, which is milliseconds, or a duration
// with its unit.
func ParseMilliseconds(text string) (Milliseconds, error) {
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return Milliseconds(n), nil
	}
	d, err := ParseDuration(text)
	switch {
	case err != nil:
		return 0, errors.New("it is no length of time: write milliseconds, or 10s")
	case d%time.Millisecond != 0:
		return 0, errors.New("it is not a whole number of milliseconds")
	case d.Milliseconds() > 1<<31-1:
		return 0, errors.New("it is too long")
	}
	return Milliseconds(d.Milliseconds()), nil
}
