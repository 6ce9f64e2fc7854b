package api

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// TestPages: following `next` from page to page gives every item once, sorted,
// whatever the length of a page and the order in which items come.
func TestPages(t *testing.T) {
	var names []string
	for n := range 1000 {
		names = append(names, fmt.Sprintf("name %04d", n))
	}
	for _, limit := range []int{1, 7, 250, 333, 999, 1000} {
		for order, shuffle := range map[string]func([]string){
			"ascending": func([]string) {}, "descending": slices.Reverse[[]string],
			"any": func(list []string) { rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] }) },
		} {
			list := slices.Clone(names)
			shuffle(list)
			var got []string
			after := ""
			for {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("/?limit=%d", limit), nil)
				query := r.URL.Query()
				query.Set("after", after)
				r.URL.RawQuery = query.Encode()
				part, err := paged(r, list, func(dst []byte, name string) []byte { return append(dst, name...) })
				if err != nil || part.Total != len(names) || len(part.Items) > limit {
					t.Fatalf("limit %d, %s: %d items of %d, %v", limit, order, len(part.Items), part.Total, err)
				}
				got = append(got, part.Items...)
				if after = part.Next; after == "" {
					break
				}
			}
			if !slices.Equal(got, names) {
				t.Errorf("limit %d, %s: %d names, not all once and sorted", limit, order, len(got))
			}
		}
	}
}
