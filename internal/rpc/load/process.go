package load

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// childVariable in the environment names the server a process is to run.
const childVariable = "RPC_LOAD_SERVER"

// Usage is what a server process has used since it started.
type Usage struct {
	CPU      time.Duration // user and system
	Mallocs  uint64
	Resident int64 // bytes, after a garbage collection; 0 where it cannot be told
}

// Process is a server in a process of its own.
type Process struct {
	Address string
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
}

// ServeChild is to be called first thing in TestMain or main with the servers
// this program can run, each a function that starts it and returns its address.
// In a process that Start made it runs the one asked for and does not return.
func ServeChild(servers map[string]func() (address string, err error)) {
	name, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	if err := serve(servers[name]); err != nil {
		fmt.Fprintf(os.Stderr, "server %q: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(start func() (string, error)) error {
	if start == nil {
		return errors.New("unknown")
	}
	address, err := start()
	if err != nil {
		return err
	}
	fmt.Println(address)
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		if err := answerUsage(questions.Text() == "collect"); err != nil {
			return err
		}
	}
	return nil
}

func answerUsage(collect bool) error {
	var resident int64
	if collect {
		// Twice: buffers that were put back into a sync.Pool survive one.
		debug.FreeOSMemory()
		debug.FreeOSMemory()
		resident = residentBytes()
	}
	used, err := processorTime()
	if err != nil {
		return err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	_, err = fmt.Println(used.Nanoseconds(), memory.Mallocs, resident)
	return err
}

// residentBytes is 0 where there is no /proc.
func residentBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes int64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		return 0
	}
	return kilobytes << 10
}

// Start runs this program again as the server of that name, see ServeChild, with
// variables (NAME=value) added to its environment.
func Start(name string, variables ...string) (*Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{command: exec.Command(program)} //nolint:noctx // it lives until Stop
	p.command.Env = append(append(os.Environ(), variables...), childVariable+"="+name)
	p.command.Stderr = os.Stderr
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.stdout = bufio.NewReader(stdout)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server %s does not start: %w", name, err), p.Stop())
	}
	p.Address = strings.TrimSpace(line)
	return p, nil
}

// Usage asks the server what it has used.
func (p *Process) Usage() (Usage, error) { return p.ask("usage") }

// Settled asks the same after a garbage collection, with Resident.
func (p *Process) Settled() (Usage, error) { return p.ask("collect") }

func (p *Process) ask(question string) (u Usage, err error) {
	if _, err := fmt.Fprintln(p.stdin, question); err != nil {
		return u, fmt.Errorf("ask the server: %w", err)
	}
	_, err = fmt.Fscanln(p.stdout, (*int64)(&u.CPU), &u.Mallocs, &u.Resident)
	if err != nil {
		return u, fmt.Errorf("answer of the server: %w", err)
	}
	return u, nil
}

// Stop ends the server.
func (p *Process) Stop() error {
	return errors.Join(p.stdin.Close(), p.command.Wait())
}
