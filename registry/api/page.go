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

// paged gives the part of a list that is asked for, sorted by name, which
// appendName appends to a buffer. It keeps no more than it may need: of an
// installation with 100,000 instances most are only compared.
func paged[T any](r *http.Request, list []T, appendName func([]byte, T) []byte) (page[T], error) {
	limit, err := limitOf(r)
	if err != nil {
		return page[T]{}, err
	}
	first := lowest[T]{keep: limit + 1} // the one more tells whether there is a next page
	after := r.URL.Query().Get("after")
	var name []byte
	for _, item := range list {
		if name = appendName(name[:0], item); string(name) > after {
			first.add(name, item)
		}
	}
	found := first.sorted()
	part := page[T]{Items: make([]T, 0, min(limit, len(found))), Total: len(list)}
	for _, one := range found[:min(limit, len(found))] {
		part.Items = append(part.Items, one.item)
	}
	if len(found) > limit {
		part.Next = found[limit-1].name
	}
	return part, nil
}

type named[T any] struct {
	name string
	item T
}

// lowest keeps those items whose names come first. It gathers twice as many as it
// is to keep before it sorts and drops the greater half.
type lowest[T any] struct {
	keep  int
	items []named[T]
	bound string // no name after this one matters any more; "": none is known yet
}

func (l *lowest[T]) add(name []byte, item T) {
	if l.bound != "" && string(name) >= l.bound {
		return
	}
	l.items = append(l.items, named[T]{string(name), item})
	if len(l.items) == 2*l.keep {
		l.items = l.sorted()
		l.bound = l.items[l.keep-1].name
	}
}

// sorted gives those kept.
func (l *lowest[T]) sorted() []named[T] {
	slices.SortStableFunc(l.items, func(a, b named[T]) int { return strings.Compare(a.name, b.name) })
	return l.items[:min(l.keep, len(l.items))]
}
