package apiclient

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Watch follows the change feed until ctx ends, yield says no, or the registry
// refuses. A broken connection is made again, and no event is missed or told
// twice.
func (c *Client) Watch(ctx context.Context, query url.Values, yield func(Event) bool) error {
	const pause = time.Second
	var last int64
	for {
		err := c.follow(ctx, query, &last, yield)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if _, refused := err.(*ProblemError); refused { //nolint:errorlint // send gives it unwrapped
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow reads one connection; nil when yield said no.
func (c *Client) follow(ctx context.Context, query url.Values, last *int64, yield func(Event) bool) error {
	headers := map[string]string{"Accept": "text/event-stream"}
	if *last > 0 {
		headers["Last-Event-ID"] = strconv.FormatInt(*last, 10)
	}
	response, err := c.send(ctx, http.MethodGet, "events/stream", query, nil, headers)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var event Event
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return fmt.Errorf("read the change feed: %w", err)
		}
		*last = max(*last, event.ID)
		if !yield(event) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the change feed: %w", err)
	}
	return io.ErrUnexpectedEOF
}
