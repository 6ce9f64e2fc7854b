package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// Descendants returns the ids of the living processes below process root,
// zombies not among them, in no particular order.
func Descendants(root int) ([]int, error) { return descendants(root, nil) }

// Zombies returns the number of ended processes below process root that nobody
// has waited for.
func Zombies(root int) (int, error) {
	n := 0
	err := walk(root, nil, func(e entry) {
		if e.state == 'Z' {
			n++
		}
	})
	return n, err
}

// descendants leaves out the spared ones and all below them.
func descendants(root int, spared []int) ([]int, error) {
	var found []int
	err := walk(root, spared, func(e entry) {
		if e.state != 'Z' && e.state != 'X' {
			found = append(found, e.pid)
		}
	})
	return found, err
}

// walk visits all below root, parents first.
func walk(root int, spared []int, visit func(entry)) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	children := make(map[int][]entry)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// A process that has gone since the listing is no error.
		if st, ok := readEntry(pid); ok {
			children[st.parent] = append(children[st.parent], st)
		}
	}
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		for _, c := range children[queue[0]] {
			if slices.Contains(spared, c.pid) {
				continue
			}
			queue = append(queue, c.pid)
			visit(c)
		}
	}
	return nil
}

// Stopped reports whether the process is stopped by a signal or a debugger.
func Stopped(pid int) bool {
	e, ok := readEntry(pid)
	return ok && (e.state == 'T' || e.state == 't')
}

type entry struct {
	pid, parent int
	state       byte
}

// readEntry reads state and parent from /proc/<pid>/stat, whose second field
// is a name in parentheses that may hold anything, further parentheses too.
func readEntry(pid int) (entry, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return entry{}, false
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return entry{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return entry{}, false
	}
	return entry{pid: pid, parent: parent, state: fields[0][0]}, true
}
