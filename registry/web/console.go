package web

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed console
var files embed.FS

// consolePolicy lets the page load its own files and ask this registry, nothing
// else: no inline script, no other origin, no form, no frame.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Console is the page for people, at / and below /console/. It holds no data: it
// reads /api/v1 with the rights of whoever looks at it.
func Console() http.Handler {
	page, err := fs.Sub(files, "console")
	if err != nil {
		panic(err) // the folder is embedded: a mistake in this program
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /console/{file}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, page, r.PathValue("file")) //nolint:gosec // of the embedded folder, which has no outside
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, page, "index.html")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", consolePolicy)
		w.Header().Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	})
}
