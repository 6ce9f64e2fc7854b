//go:build unix

package bench

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// rounds is how often each server has its turn in a measurement: BENCH_ROUNDS, 3.
func rounds(b *testing.B) int {
	return int(setting(b, "BENCH_ROUNDS", 3, 1))
}

// turn is how long a server is under load at a time: BENCH_SECONDS, 3; with
// -short 1.
func turn(b *testing.B) time.Duration {
	standard := 3.0
	if testing.Short() {
		standard = 1
	}
	return time.Duration(setting(b, "BENCH_SECONDS", standard, 0.1) * float64(time.Second))
}

func setting(b *testing.B, name string, standard, least float64) float64 {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value < least {
		b.Fatalf("%s is %q; it must be a number of %v or more", name, text, least)
	}
	return value
}
