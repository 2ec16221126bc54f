package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
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
	// Elder is the process that has it, if that is one before the proxy that was
	// asked, after a hand-over.
	Elder int `json:"predecessor_pid,omitempty"`
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
	// Sessions returns those of this process and of those before it; an error says
	// which are missing from them.
	Sessions(ctx context.Context) ([]Session, error)
	// Kill ends the session, and says whether there was one; an error, that nobody
	// knows.
	Kill(ctx context.Context, id event.ID) (bool, error)
}

// missingHeader says why a list of sessions is not all of them.
const missingHeader = "Honeyrow-Missing"

func sessionRoutes(mux *http.ServeMux, s Sessions) {
	mux.HandleFunc("GET /v1/sessions", func(w http.ResponseWriter, r *http.Request) {
		all, err := s.Sessions(r.Context())
		if err != nil {
			w.Header().Set(missingHeader, strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\n", "; "), "?"))
		}
		if all == nil {
			all = []Session{}
		}
		answer(w, http.StatusOK, all)
	})
	mux.HandleFunc("DELETE /v1/sessions/{id}", func(w http.ResponseWriter, r *http.Request) {
		there, err := s.Kill(r.Context(), event.ID(r.PathValue("id")))
		switch {
		case there:
			answer(w, http.StatusOK, struct{}{})
		case err != nil:
			answer(w, http.StatusBadGateway, Failure{err.Error()})
		default:
			answer(w, http.StatusNotFound, Failure{noSession})
		}
	})
}

const noSession = "there is no such session: it may have ended; see honeyrow sessions list"

// ErrNoSession says that the proxy has no such session.
var ErrNoSession = errors.New("the proxy refuses: " + noSession)

// Sessions returns all sessions. If some are missing from them, missing says why.
func (k *Client) Sessions(ctx context.Context) (all []Session, missing string, err error) {
	body, head, err := k.exchange(ctx, http.MethodGet, "/v1/sessions", http.NoBody)
	if err != nil {
		return nil, "", err
	}
	return all, head.Get(missingHeader), decode(body, &all)
}

// Kill ends a session; ErrNoSession if there is none.
func (k *Client) Kill(ctx context.Context, id event.ID) error {
	return k.Delete(ctx, "/v1/sessions/"+url.PathEscape(string(id)))
}
