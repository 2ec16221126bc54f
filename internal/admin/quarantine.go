package admin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"honeyrow/event"
)

// maxOrder bounds the body of an order.
const maxOrder = 64 << 10

// QuarantineOrder asks to shut a subject out.
type QuarantineOrder struct {
	By      string        `json:"by"` // "address", "user", "application"
	Server  string        `json:"server,omitempty"`
	Subject string        `json:"subject"`
	For     time.Duration `json:"for_ns"`
	Author  string        `json:"author,omitempty"` // user@host; empty: the proxy's
	Note    string        `json:"note,omitempty"`
	Message string        `json:"message,omitempty"` // for the client
}

// LiftOrder says who lets a subject in again, and why.
type LiftOrder struct {
	Author string `json:"author,omitempty"`
	Note   string `json:"note,omitempty"`
}

// Quarantine lists who is shut out, and takes orders. A Backend may implement it.
type Quarantine interface {
	// Quarantined returns who is shut out; all adds those who were.
	Quarantined(ctx context.Context, all bool) ([]event.Quarantined, error)
	// ShutOut begins a quarantine, or makes one longer, and returns it.
	ShutOut(ctx context.Context, o QuarantineOrder) (event.Quarantined, error)
	// LetIn ends the quarantine with that id, and returns it.
	LetIn(ctx context.Context, id event.ID, by, note string) (event.Quarantined, error)
}

// quarantineRoutes serves GET and POST /v1/quarantine and DELETE
// /v1/quarantine/ID.
func quarantineRoutes(mux *http.ServeMux, q Quarantine) {
	reply := func(w http.ResponseWriter, v any, err error) {
		if err != nil {
			answer(w, http.StatusUnprocessableEntity, Failure{err.Error()})
			return
		}
		answer(w, http.StatusOK, v)
	}
	mux.HandleFunc("GET /v1/quarantine", func(w http.ResponseWriter, r *http.Request) {
		qs, err := q.Quarantined(r.Context(), r.URL.Query().Get("all") == "true")
		if qs == nil {
			qs = []event.Quarantined{}
		}
		reply(w, qs, err)
	})
	mux.HandleFunc("POST /v1/quarantine", func(w http.ResponseWriter, r *http.Request) {
		var o QuarantineOrder
		if !body(w, r, &o) {
			return
		}
		v, err := q.ShutOut(r.Context(), o)
		reply(w, v, err)
	})
	mux.HandleFunc("DELETE /v1/quarantine/{id}", func(w http.ResponseWriter, r *http.Request) {
		var o LiftOrder
		if !body(w, r, &o) {
			return
		}
		v, err := q.LetIn(r.Context(), event.ID(r.PathValue("id")), o.Author, o.Note)
		reply(w, v, err)
	})
}

// body decodes an order; none is the zero order. It answers what it can't read.
func body(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && err != io.EOF {
		answer(w, http.StatusBadRequest, Failure{"the order can't be read: " + err.Error() + ": send JSON as docs/operations.md has it"})
		return false
	}
	return true
}
