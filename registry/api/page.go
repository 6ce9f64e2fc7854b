package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Pages of lists.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// page is a part of a list. Next is what to pass as `after` for the next one.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	Total int    `json:"total"`
}

// limitOf reads the parameter limit.
func limitOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, badRequest("limit must be between 1 and %d", maxLimit)
	}
	return limit, nil
}

// paged sorts a list by name and gives the part of it that is asked for.
func paged[T any](r *http.Request, list []T, name func(T) string) (page[T], error) {
	limit, err := limitOf(r)
	if err != nil {
		return page[T]{}, err
	}
	after := r.URL.Query().Get("after")
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	start, found := slices.BinarySearchFunc(list, after, func(item T, after string) int {
		return strings.Compare(name(item), after)
	})
	if found {
		start++
	}
	end := min(start+limit, len(list))
	part := page[T]{Items: slices.Clone(list[start:end]), Total: len(list)}
	if part.Items == nil {
		part.Items = []T{}
	}
	if end < len(list) {
		part.Next = name(list[end-1])
	}
	return part, nil
}
