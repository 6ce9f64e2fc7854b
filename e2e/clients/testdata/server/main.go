// Command server is a server of the TarsGo framework: whatever function of
// Clients.EchoServer.EchoObj is called, it says which server it is.
package main

import (
	"context"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"
)

func main() {
	config := tars.GetServerConfig()
	tars.AddServant(dispatcher{}, config.Adapters[adapter].Endpoint.Host, servant)
	tars.Run()
}

const (
	servant = "Clients.EchoServer.EchoObj"
	adapter = servant + "Adapter"
)

type dispatcher struct{}

// Dispatch answers with the server's host, as the return value string.
func (dispatcher) Dispatch(_ context.Context, host any, request *requestf.RequestPacket, response *requestf.ResponsePacket, _ bool) error {
	body := codec.NewBuffer()
	if err := body.WriteString(host.(string), 0); err != nil {
		return err
	}
	*response = requestf.ResponsePacket{
		IVersion: request.IVersion, CPacketType: request.CPacketType, IRequestId: request.IRequestId,
		SBuffer: tools.ByteToInt8(body.ToBytes()),
	}
	return nil
}
