package admin

import (
	"net/http"
	"time"

	"honeyrow/event"
)

// Session is one client that is joined to a server now.
type Session struct {
	Client   event.Client `json:"client"`
	ToClient uint64       `json:"bytes_to_client"`
	ToServer uint64       `json:"bytes_to_server"`
	// Idle is how long nothing has passed.
	Idle time.Duration `json:"idle_ns"`
}

// Sessions lists and ends sessions. A Backend may implement it.
type Sessions interface {
	Sessions() []Session
	// Kill ends the session, and says whether there was one.
	Kill(id event.ID) bool
}

func sessionRoutes(mux *http.ServeMux, s Sessions) {
	mux.HandleFunc("GET /v1/sessions", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.Sessions()) })
	mux.HandleFunc("DELETE /v1/sessions/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !s.Kill(event.ID(r.PathValue("id"))) {
			answer(w, http.StatusNotFound, Failure{"there is no such session: it may have ended; see honeyrow sessions list"})
			return
		}
		answer(w, http.StatusOK, struct{}{})
	})
}
