package replica

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/endpoint"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// Caller makes the calls of a generated proxy, in place of TarsGo's communicator:
//
//	pods := new(tars.Tarsregistry)
//	pods.SetServant(replica.NewCaller(replica.PodServant, time.Second, addresses...))
//
// A call that one address does not take (nobody is there) goes to the next; one
// that was taken and not answered well fails. It may be used by many goroutines.
type Caller struct {
	servant   string
	timeout   time.Duration
	addresses []string

	mu   sync.Mutex
	idle map[string][]*tarsclient.Conn
	turn int // the address that the next call tries first
}

// The servants of a registry.
const (
	QueryServant = "tars.tarsregistry.QueryObj"
	NodeServant  = "tars.tarsregistry.RegistryObj"
	PodServant   = "tars.tarsregistry.Registry"
)

var _ model.Servant = (*Caller)(nil)

// NewCaller makes a caller of the servant at the addresses, host:port, which are
// used in turn.
func NewCaller(servant string, timeout time.Duration, addresses ...string) *Caller {
	return &Caller{servant: servant, timeout: timeout, addresses: addresses, idle: map[string][]*tarsclient.Conn{}}
}

// TarsInvoke makes one call.
func (c *Caller) TarsInvoke(ctx context.Context, _ byte, function string, body []byte, status, callContext map[string]string, response *requestf.ResponsePacket) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request := tarsclient.Request{Servant: c.servant, Function: function, Body: body, Context: callContext, Status: status}
	var refused error
	for _, address := range c.order() {
		conn, err := c.connect(ctx, address)
		if err != nil {
			refused = errors.Join(refused, err)
			continue
		}
		answer, err := conn.Invoke(ctx, request)
		if _, served := errors.AsType[*tarsclient.ServerError](err); err != nil && !served {
			c.drop(address, conn) // the others are of no more use either, most likely
			return err
		}
		c.release(address, conn)
		if err != nil {
			return err
		}
		response.SBuffer = tools.ByteToInt8(answer.Body)
		response.Status, response.Context = answer.Status, answer.Context
		return nil
	}
	return fmt.Errorf("call %s.%s: %w", c.servant, function, refused)
}

func (c *Caller) order() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]string, 0, len(c.addresses))
	for i := range c.addresses {
		list = append(list, c.addresses[(c.turn+i)%len(c.addresses)])
	}
	c.turn++
	return list
}

// connect gives an idle connection that is still good, or a new one.
func (c *Caller) connect(ctx context.Context, address string) (*tarsclient.Conn, error) {
	c.mu.Lock()
	if list := c.idle[address]; len(list) > 0 {
		conn := list[len(list)-1]
		c.idle[address] = list[:len(list)-1]
		c.mu.Unlock()
		return conn, nil
	}
	c.mu.Unlock()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := tarsclient.Dialer{Timeout: c.timeout}
	return dialer.Dial(ctx, fmt.Sprintf("tcp -h %s -p %s -t %d", host, port, c.timeout.Milliseconds()))
}

func (c *Caller) release(address string, conn *tarsclient.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle[address] = append(c.idle[address], conn)
}

// drop closes a connection that failed, and the idle ones to the same address.
func (c *Caller) drop(address string, failed *tarsclient.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range append(c.idle[address], failed) {
		_ = conn.Close() // nothing is under way
	}
	delete(c.idle, address)
}

// Close closes what is idle; the caller may be used again.
func (c *Caller) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, list := range c.idle {
		for _, conn := range list {
			_ = conn.Close() // nothing is under way
		}
	}
	clear(c.idle)
}

// Name is the servant's.
func (c *Caller) Name() string { return c.servant }

// TarsSetTimeout does nothing: NewCaller was told.
func (*Caller) TarsSetTimeout(int) {}

// TarsSetProtocol does nothing: there is one protocol.
func (*Caller) TarsSetProtocol(model.Protocol) {}

// Endpoints are not kept.
func (*Caller) Endpoints() []*endpoint.Endpoint { return nil }

// SetPushCallback does nothing: pushes are passed over.
func (*Caller) SetPushCallback(func([]byte)) {}
