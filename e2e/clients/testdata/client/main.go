// Command client calls Clients.EchoServer.EchoObj all the time through the TarsGo
// framework, with nothing but a configuration file that names the locator. Every
// tenth of a second it prints what it has seen so far, as one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/rogger"
	"github.com/TarsCloud/TarsGo/tars/util/tools"
)

const callers = 4

func main() {
	tars.GetServerConfig() // reads --config
	rogger.SetLevel(rogger.OFF)
	p := new(proxy)
	tars.NewCommunicator().StringToProxy("Clients.EchoServer.EchoObj", p)
	seen := &seen{Servers: map[string]int{}, Callers: make([]int, callers), Errors: []string{}}
	for caller := range callers {
		go func() {
			for {
				host, err := p.where()
				seen.note(caller, host, err)
				time.Sleep(2 * time.Millisecond) // a steady load, not all there can be
			}
		}()
	}
	for range time.Tick(100 * time.Millisecond) {
		seen.print()
	}
}

type proxy struct{ model.Servant }

// SetServant is called by the communicator.
func (p *proxy) SetServant(s model.Servant) { p.Servant = s }

func (p *proxy) where() (host string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	response := new(requestf.ResponsePacket)
	if err := p.TarsInvoke(ctx, 0, "where", nil, nil, nil, response); err != nil {
		return "", err
	}
	err = codec.NewReader(tools.Int8ToByte(response.SBuffer)).ReadString(&host, 0, true)
	return host, err
}

// seen is what came of the calls.
type seen struct {
	mu      sync.Mutex
	Servers map[string]int `json:"servers"` // calls that each answered
	Callers []int          `json:"callers"` // calls that each has made
	Failed  int            `json:"failed"`
	Errors  []string       `json:"errors"` // the last ones
}

func (s *seen) note(caller int, host string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Callers[caller]++
	if err == nil {
		s.Servers[host]++
		return
	}
	s.Failed++
	const most = 5
	s.Errors = append(s.Errors, time.Now().Format("15:04:05.000 ")+err.Error())
	s.Errors = s.Errors[max(0, len(s.Errors)-most):]
}

func (s *seen) print() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(s) // whoever reads it has gone
}
