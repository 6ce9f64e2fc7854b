package registry

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

// tokenCheck refuses calls whose context does not hold the shared secret. The
// comparison takes the same time whatever differs, the lengths too.
func tokenCheck(token string) func(*rpc.Call) error {
	want := sha256.Sum256([]byte(token))
	return func(call *rpc.Call) error {
		given, _ := call.ContextValue(contextToken)
		got := sha256.Sum256(given)
		if token == "" || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return rpc.Errorf(rpc.CodeFailed, "the request's context must hold the registry's token (%s)", contextToken)
		}
		return nil
	}
}
