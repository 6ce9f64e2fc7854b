// Command find looks up a servant as every Tars client does: it asks the
// registry's QueryObj, its locator.
//
//	go run ./examples/find Demo.HelloServer.HelloObj
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"

	tarsgo "github.com/TarsCloud/TarsGo/tars"

	"github.com/tarsregistry/tarsregistry/tars"
)

func main() {
	locator := flag.String("locator", "127.0.0.1:17890", "host:port of the registry's QueryObj")
	set := flag.String("set", "", "look up as a client of this set (name.area.group)")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: find [flags] [object, by default Demo.HelloServer.HelloObj]\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	os.Args = os.Args[:1] // TarsGo reads them too, and complains of flags it does not know
	object := "Demo.HelloServer.HelloObj"
	if flag.NArg() > 0 {
		object = flag.Arg(0)
	}
	active, inactive, err := find(*locator, object, *set)
	if err != nil {
		log.Fatalf("find %s: %v", object, err)
	}
	show("active", active)
	show("inactive", inactive)
	if len(active) == 0 {
		os.Exit(1)
	}
}

func find(locator, object, set string) (active, inactive []tars.EndpointF, err error) {
	host, port, err := net.SplitHostPort(locator)
	if err != nil {
		return nil, nil, fmt.Errorf("--locator: %w", err)
	}
	query := new(tars.QueryF)
	tarsgo.NewCommunicator().StringToProxy(
		fmt.Sprintf("tars.tarsregistry.QueryObj@tcp -h %s -p %s -t 60000", host, port), query)
	if set != "" {
		_, err = query.FindObjectByIdInSameSet(object, set, &active, &inactive)
	} else {
		_, err = query.FindObjectByIdInSameGroup(object, &active, &inactive)
	}
	return active, inactive, err
}

func show(state string, endpoints []tars.EndpointF) {
	for _, e := range endpoints {
		transport := "tcp"
		switch e.Istcp {
		case 0:
			transport = "udp"
		case 2:
			transport = "ssl"
		}
		fmt.Printf("%-8s  %s -h %s -p %d -t %d  node %s\n", state, transport, e.Host, e.Port, e.Timeout, e.NodeName)
	}
}
