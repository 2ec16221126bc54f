// Package shop is the demo's web shop, and it is vulnerable on purpose: its
// search glues what the visitor typed into the SQL. Never copy it.
package shop

import (
	"database/sql"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"time"
)

// How the search begins in each dialect, up to what the visitor typed.
const (
	PostgreSQL = "SELECT sku, name, price FROM products WHERE active AND name ILIKE '%"
	MySQL      = "SELECT sku, name, price FROM products WHERE active AND name LIKE '%"
)

// Shop is a running web shop.
type Shop struct {
	URL     string // "http://127.0.0.1:41234"
	http    *http.Server
	db      *sql.DB
	dialect string
	done    chan struct{}
}

// Open opens the shop on an address, host:port (port 0: any), over a database
// of the given dialect. The shop closes the database.
func Open(address string, db *sql.DB, dialect string) (*Shop, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	db.SetMaxOpenConns(4)
	s := &Shop{URL: "http://" + l.Addr().String(), db: db, dialect: dialect, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /search", s.search)
	mux.HandleFunc("GET /healthz", s.health)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { // ends with Close
		defer close(s.done)
		_ = s.http.Serve(l)
	}()
	return s, nil
}

// Close stops the shop.
func (s *Shop) Close() {
	_ = s.http.Close()
	<-s.done
	_ = s.db.Close()
}

// SearchURL is the address of a search for what a visitor typed.
func (s *Shop) SearchURL(typed string) string {
	return s.URL + "/search?q=" + url.QueryEscape(typed)
}

// health answers 200 if the shop's database does.
func (s *Shop) health(w http.ResponseWriter, r *http.Request) {
	if err := s.db.PingContext(r.Context()); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// search lists the products whose name contains what the visitor typed. The
// comment at the statement's end names the route, as sqlcommenter does.
func (s *Shop) search(w http.ResponseWriter, r *http.Request) {
	typed := r.URL.Query().Get("q")
	rows, err := s.db.QueryContext(r.Context(), s.dialect+typed+"%'\n"+
		"/*controller='search',framework='net%2Fhttp',route='%2Fsearch'*/")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintln(w, "<ul>")
	for rows.Next() {
		var sku, name, price string
		if err := rows.Scan(&sku, &name, &price); err != nil {
			fmt.Fprintf(w, "<!-- %s -->\n", html.EscapeString(err.Error()))
			return
		}
		fmt.Fprintf(w, "<li>%s: %s, %s EUR</li>\n", html.EscapeString(sku), html.EscapeString(name), html.EscapeString(price))
	}
	if err := rows.Err(); err != nil {
		fmt.Fprintf(w, "<!-- %s -->\n", html.EscapeString(err.Error()))
	}
	fmt.Fprintln(w, "</ul>")
}
