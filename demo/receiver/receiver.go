// Package receiver is the demo's alert receiver: what a company would have at
// the other end of a webhook sink. It accepts alerts with a good signature
// only, prints each for a person, and hands them out again as JSON lines.
//
//	POST /alerts         takes one alert: 204, also for one that is known already
//	GET  /alerts?from=N  what came, as JSON lines, without the first N bytes
//	GET  /healthz        200
package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"honeyrow/alert/render"
	"honeyrow/alert/sink/webhook"
	"honeyrow/event"
)

const (
	// Tolerance is how far a signature's time may be from the receiver's own.
	Tolerance = 5 * time.Minute
	// maxBody bounds in bytes one alert.
	maxBody = 4 << 20
	// DefaultKeep bounds in bytes the alerts that are kept.
	DefaultKeep = 32 << 20
)

// Options are what a Receiver needs.
type Options struct {
	Secret []byte    // of the signature
	Out    io.Writer // gets each alert as text for a person
	Color  bool
	// Keep bounds in bytes the alerts that are kept: the oldest go. 0 means
	// DefaultKeep.
	Keep int
	Now  func() time.Time // nil: time.Now
}

// Receiver is a running alert receiver.
type Receiver struct {
	URL  string // "http://127.0.0.1:41234/alerts"
	o    Options
	http *http.Server
	done chan struct{}

	mu   sync.Mutex
	base int64           // bytes that are gone from the front of kept
	kept []byte          // whole lines
	seen map[string]bool // idempotency keys of what is kept
	keys []string        // the same in the order of the lines

	teller *render.Teller // guarded by mu
}

// Start listens on address, host:port. Close ends it.
func Start(address string, o Options) (*Receiver, error) {
	if len(o.Secret) == 0 {
		return nil, fmt.Errorf("the receiver has no secret: anybody could send it alerts")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	r := &Receiver{URL: "http://" + l.Addr().String() + "/alerts", o: o, done: make(chan struct{}), seen: map[string]bool{}, teller: render.NewTeller(render.Options{Color: o.Color})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /alerts", r.take)
	mux.HandleFunc("GET /alerts", r.give)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	r.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	go func() { // ends with Close
		defer close(r.done)
		_ = r.http.Serve(l)
	}()
	return r, nil
}

// Close stops the receiver.
func (r *Receiver) Close() {
	_ = r.http.Close()
	<-r.done
}

// take accepts one alert. What can't be right at a second try is answered
// with 4xx, so that the sender gives up and says so.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "the body can't be read or is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err := webhook.Verify(r.o.Secret, req.Header.Get(webhook.SignatureHeader), body, r.o.Now(), Tolerance); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	var d event.Detection
	if err := json.Unmarshal(body, &d); err != nil || d.Schema != event.Schema || d.ID == "" {
		http.Error(w, "this is no alert of schema "+event.Schema, http.StatusBadRequest)
		return
	}
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	line.WriteByte('\n')
	if r.keep(fmt.Sprintf("%s-%d", d.ID, d.Revision), line.Bytes()) {
		r.print(&d)
	}
	w.WriteHeader(http.StatusNoContent)
}

// keep adds a line unless its key is known. The key is made of the signed
// body and not of the header, which is not signed.
func (r *Receiver) keep(key string, line []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[key] {
		return false
	}
	r.seen[key] = true
	r.keys = append(r.keys, key)
	r.kept = append(r.kept, line...)
	for len(r.kept) > r.o.Keep && len(r.keys) > 1 {
		end := bytes.IndexByte(r.kept, '\n') + 1
		r.kept = append([]byte(nil), r.kept[end:]...)
		r.base += int64(end)
		delete(r.seen, r.keys[0])
		r.keys = r.keys[1:]
	}
	return true
}

func (r *Receiver) print(d *event.Detection) {
	r.mu.Lock() // alerts do not mix
	defer r.mu.Unlock()
	_ = r.teller.Tell(r.o.Out, d) // it is kept all the same
}

// give answers with what came, and with the position of its first byte in the
// header X-From: it is higher than asked for if that has gone already.
func (r *Receiver) give(w http.ResponseWriter, req *http.Request) {
	from, err := strconv.ParseInt(req.URL.Query().Get("from"), 10, 64)
	if req.URL.Query().Get("from") == "" {
		from, err = 0, nil
	}
	if err != nil || from < 0 {
		http.Error(w, "from is a number of bytes", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	from = max(from, r.base)
	var b []byte
	if at := from - r.base; at < int64(len(r.kept)) {
		b = bytes.Clone(r.kept[at:])
	}
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("X-From", strconv.FormatInt(from, 10))
	_, _ = w.Write(b)
}
