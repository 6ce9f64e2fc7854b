// Command client calls the front server of the trace example once and prints
// the sum and the trace that the backend saw.
//
//	go run ./examples/trace/client 1 2
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"

	"github.com/TarsCloud/TarsGo/tars"

	"github.com/tarsregistry/tarsregistry/examples/trace"
)

func main() {
	locator := flag.String("locator", "tcp -h 127.0.0.1 -p 17890", "endpoint of the registry's QueryObj")
	flag.Parse()
	os.Args = os.Args[:1] // TarsGo reads flags of its own, and complains of others
	if err := run(*locator, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(locator string, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("two numbers to add are wanted")
	}
	var numbers [2]int32
	for i, arg := range args {
		n, err := strconv.ParseInt(arg, 10, 32)
		if err != nil {
			return err
		}
		numbers[i] = int32(n)
	}
	communicator := tars.NewCommunicator()
	communicator.SetProperty("locator", "tars.tarsregistry.QueryObj@"+locator)
	front := new(trace.Frontend)
	communicator.StringToProxy("Trace.TarsTraceFrontServer.FrontendObj", front)
	var sum int32
	answer := make(map[string]string)
	if _, err := front.Add(numbers[0], numbers[1], &sum, answer); err != nil {
		return err
	}
	fmt.Printf("%d + %d = %d, trace %s\n", numbers[0], numbers[1], sum, answer["trace-id"])
	return nil
}
