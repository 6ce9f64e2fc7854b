// Command client calls Demo.HelloServer.HelloObj once a second, through the
// registry, and prints who answered.
//
//	go run ./examples/hello/client --locator "tcp -h 127.0.0.1 -p 17890"
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/TarsCloud/TarsGo/tars"

	"github.com/tarsregistry/tarsregistry/examples/hello"
)

func main() {
	locator := flag.String("locator", "tcp -h 127.0.0.1 -p 17890", "endpoint of the registry's QueryObj")
	object := flag.String("object", "Demo.HelloServer.HelloObj", "servant to call")
	name := flag.String("name", "world", "whom to greet")
	calls := flag.Int("calls", 0, "how many calls to make; 0: until Ctrl-C")
	flag.Parse()
	os.Args = os.Args[:1] // TarsGo reads flags of its own, and complains of others
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if failed := run(ctx, *locator, *object, *name, *calls); failed > 0 {
		fmt.Fprintf(os.Stderr, "client: %d calls failed\n", failed)
		os.Exit(1)
	}
}

// run makes the calls and returns how many failed.
func run(ctx context.Context, locator, object, name string, calls int) (failed int) {
	// In a server the generated configuration says so. The first communicator
	// takes it for all of them.
	tars.GetClientConfig().RefreshEndpointInterval = 10000 // ms
	communicator := tars.NewCommunicator()
	communicator.SetProperty("locator", "tars.tarsregistry.QueryObj@"+locator)
	servant := new(hello.Hello)
	communicator.StringToProxy(object, servant)
	for i := 0; calls == 0 || i < calls; i++ {
		var node string
		greeting, err := servant.GreetWithContext(ctx, name, &node)
		if err != nil {
			failed++
			fmt.Fprintln(os.Stderr, "client:", err)
		} else {
			fmt.Printf("%s, from %s\n", greeting, node)
		}
		select {
		case <-ctx.Done():
			return failed
		case <-time.After(time.Second):
		}
	}
	return failed
}
