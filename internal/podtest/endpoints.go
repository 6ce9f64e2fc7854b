//go:build linux

package podtest

import (
	"context"

	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/tars"
)

// canned gives the generated stub an answer that is there already.
type canned struct {
	model.Servant // only the function below is ever called
	body          []byte
}

func (c canned) TarsInvoke(_ context.Context, _ byte, _ string, _ []byte, _, _ map[string]string, answer *requestf.ResponsePacket) error {
	answer.SBuffer = tools.ByteToInt8(c.body)
	return nil
}

// decodeEndpoints reads the answer to a look-up.
func decodeEndpoints(body []byte) (active, inactive []string, err error) {
	stub := tars.NewQueryF()
	stub.SetServant(canned{body: body})
	var a, i []tars.EndpointF
	if _, err := stub.FindObjectByIdInSameGroup("", &a, &i); err != nil {
		return nil, nil, err
	}
	return hosts(a), hosts(i), nil
}

func hosts(list []tars.EndpointF) []string {
	var hosts []string
	for _, e := range list {
		hosts = append(hosts, e.Host)
	}
	return hosts
}
