package pod

import (
	"fmt"
	"strconv"
	"strings"
)

// WorkerID is what TARS_WORKER_ID says: nothing, a number, or auto.
type WorkerID struct {
	Auto   bool
	Set    bool // the number is Number
	Number int
}

// ParseWorkerID reads "", "auto" or a number from 0.
func ParseWorkerID(text string) (WorkerID, error) {
	switch text {
	case "":
		return WorkerID{}, nil
	case "auto":
		return WorkerID{Auto: true}, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return WorkerID{}, fmt.Errorf("is %q; it must be a number from 0, or auto", text)
	}
	return WorkerID{Set: true, Number: int(n)}, nil
}

// Ordinal is the number a StatefulSet gives this pod, from its name
// ("web-0"). It takes names that end in at most four digits: the names a
// Deployment gives end in five characters, which may be digits too.
func (e *Environment) Ordinal() (int, bool) {
	i := strings.LastIndexByte(e.Hostname, '-')
	if i < 1 {
		return 0, false
	}
	digits := e.Hostname[i+1:]
	if len(digits) > 4 || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n), err == nil
}
