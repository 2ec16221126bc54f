package admin

import (
	"context"
	"net/http"
)

// Successor hands the listeners over to a new process. A Backend may implement it.
type Successor interface {
	// HandOver returns what became of it, for JSON, when the new process serves.
	HandOver(ctx context.Context) (any, error)
}

func handOverRoute(mux *http.ServeMux, s Successor) {
	mux.HandleFunc("POST /v1/hand-over", func(w http.ResponseWriter, r *http.Request) {
		// A caller that loses patience does not break it off halfway.
		done, err := s.HandOver(context.WithoutCancel(r.Context()))
		if err != nil {
			answer(w, http.StatusUnprocessableEntity, Failure{err.Error()})
			return
		}
		answer(w, http.StatusOK, done)
	})
}
