// Command back is the second tier of the trace example:
// Trace.TarsTraceBackServer, whose BackendObj adds two numbers.
package main

import (
	"context"
	"fmt"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/util/current"

	"github.com/tarsregistry/tarsregistry/examples/trace"
)

type backend struct{}

// Add adds, and prints the trace that the call belongs to.
func (backend) Add(ctx context.Context, a, b int32, sum *int32) (int32, error) {
	*sum = a + b
	id := "none"
	if t, ok := current.GetTarsTrace(ctx); ok && t.Call() {
		id = t.SpanContext().TraceID()
	}
	fmt.Printf("backend: %d + %d = %d, trace %s\n", a, b, *sum, id)
	// The caller learns it too, from the answer's context.
	if !current.SetResponseContext(ctx, map[string]string{"trace-id": id}) {
		return 0, fmt.Errorf("the call has no context to answer in")
	}
	return 0, nil
}

func main() {
	config := tars.GetServerConfig()
	servant := new(trace.Backend)
	servant.AddServantWithContext(backend{}, config.App+"."+config.Server+".BackendObj")
	tars.Run()
}
