// Command front is the first tier of the trace example:
// Trace.TarsTraceFrontServer, whose FrontendObj has the backend add two numbers.
// It opens a trace where the caller has none; TarsGo carries it on to the
// backend in the context of the call.
package main

import (
	"context"
	"fmt"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/util/current"

	"github.com/tarsregistry/tarsregistry/examples/trace"
)

const backendObject = "Trace.TarsTraceBackServer.BackendObj"

type frontend struct {
	backend *trace.Backend
}

// Add asks the backend and passes its answer on.
func (f *frontend) Add(ctx context.Context, a, b int32, sum *int32) (int32, error) {
	if t, ok := current.GetTarsTrace(ctx); !ok || !t.Call() {
		current.OpenTarsTrace(ctx, true)
	}
	answer := make(map[string]string)
	code, err := f.backend.AddWithContext(ctx, a, b, sum, answer)
	if err != nil {
		return 0, fmt.Errorf("call %s: %w", backendObject, err)
	}
	current.SetResponseContext(ctx, map[string]string{"trace-id": answer["trace-id"]})
	return code, nil
}

func main() {
	config := tars.GetServerConfig()
	f := &frontend{backend: new(trace.Backend)}
	tars.GetCommunicator().StringToProxy(backendObject, f.backend)
	servant := new(trace.Frontend)
	servant.AddServantWithContext(f, config.App+"."+config.Server+".FrontendObj")
	tars.Run()
}
