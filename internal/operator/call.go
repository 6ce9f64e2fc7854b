package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/apiclient"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// Call calls a function of a servant with named arguments as a JSON object, by
// Tars' JSON protocol, and prints the answer. The servant is App.Server.Obj, found
// through the registry's API, or App.Server.Obj@tcp -h host -p port.
func (o *Operator) Call(ctx context.Context, dialer *tarsclient.Dialer, servant, function, arguments, set string) error {
	if !json.Valid([]byte(arguments)) || !strings.HasPrefix(strings.TrimSpace(arguments), "{") {
		return errors.New(`the arguments must be a JSON object of the parameters by name, for example {"a":1,"b":2}`)
	}
	object, endpoint, direct := strings.Cut(servant, "@")
	candidates := []string{endpoint}
	if !direct {
		var err error
		if candidates, err = o.activeEndpoints(ctx, object, set); err != nil {
			return err
		}
	}
	request := tarsclient.Request{Servant: object, Function: function, Body: []byte(arguments), JSON: true}
	response, err := firstThatAnswers(ctx, dialer, candidates, request)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, response.Body, "", "  "); err != nil {
		return fmt.Errorf("the answer of %s.%s is no JSON: %w", object, function, err)
	}
	return o.say(json.RawMessage(response.Body), "%s", pretty.String())
}

func (o *Operator) activeEndpoints(ctx context.Context, object, set string) ([]string, error) {
	query := url.Values{}
	if set != "" {
		query.Set("set", set)
	}
	var found apiclient.Lookup
	if err := o.API.Get(ctx, "objects/"+apiclient.Path(object), query, &found); err != nil {
		return nil, fmt.Errorf("look up %s: %w", object, err)
	}
	var endpoints []string
	for _, e := range found.Endpoints {
		if e.List == "active" && e.Transport != naming.UDP.String() {
			endpoints = append(endpoints, fmt.Sprintf("%s -h %s -p %d", e.Transport, e.Host, e.Port))
		}
	}
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("%s has no active endpoint; see: tarscli lookup %s", object, object)
	}
	return endpoints, nil
}

// firstThatAnswers tries endpoints until one answers; an answer that says no is
// one, too.
func firstThatAnswers(ctx context.Context, dialer *tarsclient.Dialer, endpoints []string, request tarsclient.Request) (tarsclient.Response, error) {
	var failures []error
	for _, endpoint := range endpoints {
		response, err := dialer.Invoke(ctx, endpoint, request)
		if _, answered := errors.AsType[*tarsclient.ServerError](err); err == nil || answered {
			return response, err
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return tarsclient.Response{}, errors.Join(failures...)
}
