package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// BenchmarkLists: what people ask of an installation with so many instances, ten
// of each server.
func BenchmarkLists(b *testing.B) {
	for _, size := range []int{1_000, 100_000} {
		instances := make([]*naming.Instance, 0, size)
		for n := range size {
			instances = append(instances, instance(fmt.Sprintf("Many%05dServer", n/10), fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255), naming.Active))
		}
		handler := serve(b, &service{}, instances...)
		for _, question := range []string{
			"instances?application=App&server=Many00042Server", "instances?application=App", "instances?state=inactive",
			"instances", "instances?limit=1000&after=App.Many00050Server", "servers", "applications", "objects",
		} {
			b.Run(fmt.Sprintf("%d/%s", size, question), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					recorder := httptest.NewRecorder()
					handler.ServeHTTP(recorder, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v1/"+question, nil))
					if recorder.Code != http.StatusOK {
						b.Fatal(recorder.Body)
					}
				}
			})
		}
	}
}
