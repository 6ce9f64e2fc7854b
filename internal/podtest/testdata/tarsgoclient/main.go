// Command tarsgoclient calls a servant all the time through the TarsGo
// framework, found by its locator, for tests of pods. It prints "ready" after
// the first call that succeeds, every failure, and at SIGTERM the number of
// calls and failures.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/rogger"
)

type proxy struct{ model.Servant }

// SetServant is called by the communicator.
func (p *proxy) SetServant(s model.Servant) { p.Servant = s }

func main() {
	locator := flag.String("locator", "", "tars.tarsregistry.QueryObj@...")
	object := flag.String("object", "", "servant to call")
	refresh := flag.Duration("refresh", 10*time.Second, "refresh-endpoint-interval")
	workers := flag.Int("workers", 4, "callers at a time")
	pause := flag.Duration("pause", 5*time.Millisecond, "between two calls of one caller")
	flag.Parse()
	rogger.SetLevel(rogger.OFF)

	communicator := tars.NewCommunicator()
	communicator.Client.RefreshEndpointInterval = int(refresh.Milliseconds())
	communicator.SetLocator(*locator)
	p := new(proxy)
	communicator.StringToProxy(*object, p)
	warmUp(p)
	fmt.Println("ready")

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var calls, failures atomic.Int64
	var group sync.WaitGroup
	for range *workers {
		group.Go(func() {
			for ctx.Err() == nil {
				calls.Add(1)
				if err := call(p); err != nil {
					failures.Add(1)
					fmt.Println(time.Now().Format("15:04:05.000"), "failed:", err)
				}
				time.Sleep(*pause)
			}
		})
	}
	group.Wait()
	fmt.Printf("calls %d failures %d\n", calls.Load(), failures.Load())
	os.Stdout.Sync()
}

// warmUp waits until the servant was found.
func warmUp(p *proxy) {
	for call(p) != nil {
		time.Sleep(200 * time.Millisecond)
	}
}

func call(p *proxy) error {
	// Long enough that a busy machine does not look like a lost call.
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return p.TarsInvoke(ctx, 0, "echo", make([]byte, 100), nil, nil, new(requestf.ResponsePacket))
}
