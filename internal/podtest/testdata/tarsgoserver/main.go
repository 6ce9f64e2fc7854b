// Command tarsgoserver is a server of the TarsGo framework for tests of pods:
// one servant that echoes whatever function is called.
package main

import (
	"context"
	"os"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
)

func main() {
	config := tars.GetServerConfig()
	tars.AddServant(&dispatcher{}, struct{}{}, config.App+"."+config.Server+"."+os.Getenv("SERVANT"))
	tars.Run()
}

type dispatcher struct{}

// Dispatch answers with the request's body.
func (*dispatcher) Dispatch(_ context.Context, _ any, request *requestf.RequestPacket, response *requestf.ResponsePacket, _ bool) error {
	*response = requestf.ResponsePacket{
		IVersion: request.IVersion, CPacketType: request.CPacketType, IRequestId: request.IRequestId, SBuffer: request.SBuffer,
	}
	return nil
}
