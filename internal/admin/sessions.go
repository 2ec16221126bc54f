package admin

import (
	"net/http"
	"time"

	"honeyrow/event"
)

// Session is one client that is joined to a server now.
type Session struct {
	// Client is as of now: its application may have changed since the login.
	Client     event.Client `json:"client"`
	Statements uint64       `json:"statements"` // sent so far, refused ones too
	Rows       uint64       `json:"rows"`       // that the server returned
	ToClient   uint64       `json:"bytes_to_client"`
	ToServer   uint64       `json:"bytes_to_server"`
	State      SessionState `json:"state"`
	// Idle is how long nothing has passed.
	Idle time.Duration `json:"idle_ns"`
	// Delay is of each chunk, in a tarpit.
	Delay time.Duration `json:"delay_ns,omitempty"`
}

// SessionState is what a session does.
type SessionState string

// The states.
const (
	Active      SessionState = "active"         // the server is at work for it
	Transaction SessionState = "in transaction" // idle, with a transaction open
	Idle        SessionState = "idle"
	Ending      SessionState = "ending" // it was killed a moment ago
)

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
