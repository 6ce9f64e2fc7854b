package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client calls the API. Its methods may be called concurrently.
type Client struct {
	// Base is where the registry's HTTP port is, for example
	// http://127.0.0.1:17893.
	Base string
	// Token is the registry's, "": none. It is sent to Base only.
	Token string
	// Actor is who is named in events and the audit log besides the address.
	Actor string
	// HTTP; nil: http.DefaultClient. Time-outs are the context's.
	HTTP *http.Client
}

// ProblemError is an answer that says no.
type ProblemError struct {
	Status int    // of HTTP
	Detail string // a sentence
}

func (e *ProblemError) Error() string { return e.Detail }

// Get reads what is at the path, for example "instances", with the query.
func (c *Client) Get(ctx context.Context, path string, query url.Values, into any) error {
	return c.Do(ctx, http.MethodGet, path, query, nil, into)
}

// Do sends a request with a JSON body (nil: none) and reads its answer into
// `into`. An answer that says no is a *ProblemError.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body, into any) error {
	response, err := c.send(ctx, method, path, query, body, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("read the registry's answer to %s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, body any, headers map[string]string) (*http.Response, error) {
	encoded, err := encode(body)
	if err != nil {
		return nil, err
	}
	target := strings.TrimRight(c.Base, "/") + "/api/v1/" + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, encoded)
	if err != nil {
		return nil, fmt.Errorf("the registry's address %q cannot be used: %w", c.Base, err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Actor != "" {
		request.Header.Set("X-Tars-Actor", c.Actor)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reach the registry's API: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		defer func() { _ = response.Body.Close() }()
		return nil, problemOf(response)
	}
	return response, nil
}

func encode(body any) (io.Reader, error) {
	if body == nil {
		return nil, nil //nolint:nilnil // no body is what http.NewRequest takes nil for
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return bytes.NewReader(encoded), nil
}

func problemOf(response *http.Response) error {
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return fmt.Errorf("read the registry's refusal: %w", err)
	}
	var problem struct{ Detail string }
	if json.Unmarshal(text, &problem) != nil || problem.Detail == "" {
		problem.Detail = "the registry answered " + response.Status + "; is this the registry's HTTP port?"
	}
	return &ProblemError{Status: response.StatusCode, Detail: problem.Detail}
}

// Path joins the parts of a path, each escaped.
func Path(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return strings.Join(escaped, "/")
}
