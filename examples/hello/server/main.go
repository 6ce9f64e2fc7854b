// Command server is a small Tars server: Demo.HelloServer with one servant,
// HelloObj. It wants the configuration that tarscli genconf makes:
//
//	server --config=/tars/conf/HelloServer.conf
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/TarsCloud/TarsGo/tars"

	"github.com/tarsregistry/tarsregistry/examples/hello"
)

type greeter struct {
	node string // who answers
}

// Greet says hello, and which pod says it.
func (g *greeter) Greet(_ context.Context, name string, node *string) (string, error) {
	*node = g.node
	return "hello " + name, nil
}

func main() {
	config := tars.GetServerConfig()
	if config == nil || config.App == "" {
		fmt.Fprintln(os.Stderr, "server: --config must name the configuration that tarscli genconf makes")
		os.Exit(2)
	}
	servant := new(hello.Hello)
	servant.AddServantWithContext(&greeter{node: config.NodeName}, config.App+"."+config.Server+".HelloObj")
	fmt.Printf("%s.%s on %s\n", config.App, config.Server, config.LocalIP)
	tars.Run()
}
