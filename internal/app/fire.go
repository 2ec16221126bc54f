package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/engine/drill"
	"honeyrow/event"
	"honeyrow/proxy/tlsconf"
	"honeyrow/seeder"
	"honeyrow/token"
)

// FireOptions say which honey row is read, through which door.
type FireOptions struct {
	Rows     []event.ID // one of these; empty: of all live ones
	Listener string     // its name; empty: the server's first
	Address  string     // host:port or unix:/path to go to instead of the listener's own
	// User and Password log in; an empty User takes the seeding connection's.
	User, Password string
	Timeout        time.Duration // for all of it; 0: DefaultFireTimeout
}

// DefaultFireTimeout is how long a drill may take.
const DefaultFireTimeout = 30 * time.Second

// firePoll is how often the registry is asked how far the drill is: what the
// times in Fired are exact to.
const firePoll = 10 * time.Millisecond

// unreadWait is how long an alert is waited for, from the answer on, where no row
// came back.
const unreadWait = 5 * time.Second

// What a drill can fail with, wrapped.
var (
	// ErrNoAlert says that the honey row was read and nobody was told: the alarm
	// does not work.
	ErrNoAlert = errors.New("no alert came of the read")
	// ErrUndelivered says that the alert is committed, and did not reach every sink.
	ErrUndelivered = errors.New("the alert did not reach every sink in time")
)

// Fired tells how a drill went. Times are milliseconds from the moment when the
// statement was sent.
type Fired struct {
	Row      event.ID `json:"row"`
	Table    string   `json:"table"`
	Key      string   `json:"key,omitempty"`
	Listener string   `json:"listener"`
	Address  string   `json:"address"`
	User     string   `json:"user,omitempty"`
	Rows     int      `json:"rows"`              // that came back
	Refused  string   `json:"refused,omitempty"` // the error that came instead
	Answered float64  `json:"answered_ms"`
	// Detection is the alert: empty if none came.
	Detection event.ID      `json:"detection,omitempty"`
	Incident  int           `json:"incident,omitempty"` // of drills alone
	Matched   []event.Match `json:"rules,omitempty"`    // with the severity that a theft would have
	Action    string        `json:"action,omitempty"`
	Committed float64       `json:"committed_ms,omitempty"`
	Sinks     []FiredSink   `json:"sinks,omitempty"`
}

// FiredSink is how one sink took the drill.
type FiredSink struct {
	Sink      string  `json:"sink"`
	Delivered float64 `json:"delivered_ms,omitempty"` // 0: not yet
	Error     string  `json:"error,omitempty"`
}

// Fire reads one honey row through the proxy, as a client, and waits for the
// alert and its deliveries. What it returns beside an error tells how far the
// drill came.
func (s *Seeding) Fire(ctx context.Context, c *Config, o FireOptions) (*Fired, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultFireTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if err := s.guarded(ctx); err != nil {
		return nil, err
	}
	target, err := s.Target(ctx, s.Server, o.Rows...)
	if err != nil {
		return nil, err
	}
	l, door, err := c.Door(s.Server, o)
	if err != nil {
		return nil, err
	}
	v, err := s.enter(ctx, door)
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w; name a user who may read %s with --as, and the password in %s or --password-file", l.Name, err, target.Table, FirePasswordEnv)
	}
	defer v.Close()
	if err := s.store.Record(ctx, token.Deed{
		Action: "drill", Version: Version(), Role: o.User, Server: s.Server, Database: target.Database, Tables: []string{target.Table.String()}, Rows: 1,
		Detail: "row " + string(target.Row) + " through listener " + l.Name,
	}); err != nil {
		return nil, fmt.Errorf("nothing was read: %w", err)
	}
	f := &Fired{Row: target.Row, Table: target.Table.String(), Key: target.Key, Listener: l.Name, Address: door.Address, User: o.User}
	return f, s.fire(ctx, c, f, v, target)
}

// FirePasswordEnv is the environment variable that holds the password of
// FireOptions.User.
const FirePasswordEnv = "HONEYROW_FIRE_PASSWORD"

// guarded makes sure that a proxy stands before the server, and watches what is
// registered.
func (s *Seeding) guarded(ctx context.Context) error {
	version, err := s.store.Version(ctx)
	if err != nil {
		return err
	}
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		ws, err := s.store.Watchers(ctx)
		if err != nil {
			return err
		}
		ws = slices.DeleteFunc(ws, func(w token.Watcher) bool { return !slices.Contains(w.Servers, s.Server) })
		if len(ws) == 0 {
			return fmt.Errorf("no proxy stands in front of %s, or none has given a sign of life in the last ten seconds: start it with `honeyrow proxy`, or look at its log", s.Server)
		}
		if !slices.ContainsFunc(ws, func(w token.Watcher) bool { return w.Version < version }) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("a proxy in front of %s does not watch the latest tokens: look at its log", s.Server)
		}
	}
}

// Door is the way in through a listener of a server. The error says which listener
// or option to name instead.
func (c *Config) Door(server string, o FireOptions) (*ListenerConfig, seeder.Door, error) {
	i := slices.IndexFunc(c.Listeners, func(l ListenerConfig) bool {
		return l.Server == server && (o.Listener == "" || l.Name == o.Listener)
	})
	if i < 0 {
		return nil, seeder.Door{}, fmt.Errorf("server %s has no listener %s in %s: name one of its own", server, o.Listener, c.File())
	}
	l := &c.Listeners[i]
	address := l.Address
	if o.Address != "" {
		address = o.Address
	}
	d := seeder.Door{User: o.User, Password: o.Password, Application: "honeyrow verify"}
	var err error
	if d.Network, d.Address, err = fromHere(address); err != nil {
		return nil, d, err
	}
	if strings.HasSuffix(d.Address, ":0") {
		return nil, d, fmt.Errorf("listener %s has no port of its own (%s): name the one that it has with --address", l.Name, l.Address)
	}
	if l.TLS.ClientAuth == tlsconf.CertRequired {
		return nil, d, fmt.Errorf("listener %s asks for a client certificate: name another one of server %s with --listener", l.Name, server)
	}
	if l.TLS.Mode != tlsconf.Off && d.Network != "unix" {
		d.TLS, err = pinned(l.TLS.CertFile)
	}
	return l, d, err
}

// pinned is TLS with the peer whose certificate is in file, and nobody else.
func pinned(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the listener's certificate, by which it is known: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // the certificate itself is compared
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			if len(chain) == 0 || !bytes.Equal(chain[0], block.Bytes) {
				return fmt.Errorf("the proxy shows another certificate than %s: is it the right address, and was it reloaded?", file)
			}
			return nil
		},
	}, nil
}

// fire sends the statement and follows what becomes of it.
func (s *Seeding) fire(ctx context.Context, c *Config, f *Fired, v seeder.Visit, t *seeder.Target) error {
	sql, err := v.Select(t)
	if err != nil {
		return err
	}
	last, err := s.store.Detections(ctx, alert.Query{Limit: 1})
	if err != nil {
		return err
	}
	var after uint64
	if len(last) > 0 {
		after = last[0].Seq
	}
	sql = drill.Sign(s.store.DrillKey(), sql, drill.Order{Row: t.Row, PID: v.PID(), At: time.Now()})
	if len(sql) > c.Alerts.MaxStatement {
		return fmt.Errorf("the drill's statement has %d bytes, alerts.max_statement is %d: a longer statement would not be known as a drill; raise it", len(sql), c.Alerts.MaxStatement)
	}
	sent := time.Now()
	rows, err := v.Ask(ctx, sql)
	answered := time.Now()
	f.Answered, f.Rows = since(sent), rows
	if err != nil {
		f.Refused = err.Error()
	}
	d, err := s.committed(ctx, f, v.PID(), after, sent, answered)
	if err != nil {
		return err
	}
	return s.delivered(ctx, f, d.ID, sent)
}

// since is in milliseconds, to the hundredth.
func since(t time.Time) float64 { return float64(time.Since(t).Microseconds()/10) / 100 }

// committed waits for the drill's detection to be there and final. after is the
// last that was there before.
func (s *Seeding) committed(ctx context.Context, f *Fired, pid uint32, after uint64, sent, answered time.Time) (*event.Detection, error) {
	tick := time.NewTicker(firePoll)
	defer tick.Stop()
	for {
		es, err := s.store.Detections(ctx, alert.Query{After: after, Forward: true})
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		for i := range es {
			d := &es[i].Detection
			if d.Client.Server != s.Server || d.Client.BackendPID != pid || !slices.ContainsFunc(d.Hits, func(h event.Hit) bool { return h.Row == f.Row }) {
				continue
			}
			if !d.Drill {
				return nil, fmt.Errorf("%w that is known as a drill: the proxy took it for a theft (alert %s); its key and its clock must be this command's", ErrNoAlert, d.ID)
			}
			if f.Detection == "" {
				f.Committed = since(sent)
			}
			f.told(d)
			if d.Run.Done {
				return d, f.seen(d)
			}
		}
		if f.Detection == "" && f.Rows == 0 && time.Since(answered) > unreadWait {
			return nil, f.silence()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, f.silence()
		}
	}
}

// told takes over what the detection says so far.
func (f *Fired) told(d *event.Detection) {
	f.Detection, f.Matched, f.Action = d.ID, d.Rules, d.Action.String()
	if d.Incident != nil {
		f.Incident = d.Incident.Number
	}
}

// seen makes sure that the row itself was seen on its way out, or refused, and
// not only the statement noticed that asks for it.
func (f *Fired) seen(d *event.Detection) error {
	switch {
	case slices.ContainsFunc(d.Hits, func(h event.Hit) bool { return !h.Channel.Inbound() }), d.Action >= event.Block:
		return nil
	case f.Rows == 0:
		return f.unread()
	}
	return fmt.Errorf("%w itself: only the statement was noticed (alert %s), the row that came back was not", ErrNoAlert, d.ID)
}

// silence says why nothing may have come.
func (f *Fired) silence() error {
	switch {
	case f.Detection != "":
		return fmt.Errorf("the alert %s is committed, but the run has not ended for the proxy: look at its log", f.Detection)
	case f.Refused != "":
		// The proxy refuses in the server's own words: which of them it was, only an
		// alert tells.
		return fmt.Errorf("an error came instead of the honey row, and no alert yet: %s; if that is the server's, name a user who may read %s with --as; if a rule of yours refuses it, its alert is not committed so far: look at the proxy's log, and for it with `honeyrow alerts list`", f.Refused, f.Table)
	case f.Rows == 0:
		return f.unread()
	}
	return fmt.Errorf("%w, though the row came back: does an allowance cover this user (`honeyrow rules explain`), is the rule disabled, does %s lead through the proxy?", ErrNoAlert, f.Address)
}

// unread says that the drill did not get to the honey row.
func (f *Fired) unread() error {
	if f.Refused != "" {
		return fmt.Errorf("the honey row was not read: %s; name a user who may read %s with --as", f.Refused, f.Table)
	}
	return fmt.Errorf("the honey row was not read: this user sees no such row (row security?); name one who may read %s with --as", f.Table)
}

// delivered waits until every sink has the drill.
func (s *Seeding) delivered(ctx context.Context, f *Fired, id event.ID, sent time.Time) error {
	tick := time.NewTicker(firePoll)
	defer tick.Stop()
	at := map[string]float64{}
	for {
		ds, err := s.store.Deliveries(ctx, id)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			f.Sinks = f.Sinks[:0]
		}
		open := 0
		for _, d := range ds {
			if strings.HasPrefix(d.Sink, programSink) {
				continue // rules' programs are not run in drills
			}
			k := FiredSink{Sink: d.Sink, Delivered: at[d.Sink]}
			switch {
			case d.State == "done" || k.Delivered > 0:
				if k.Delivered == 0 {
					k.Delivered = since(sent)
				}
				at[d.Sink] = k.Delivered
			case d.State == "dead":
				k.Error = "given up: " + d.Error
			default:
				k.Error = d.Error
				open++
			}
			f.Sinks = append(f.Sinks, k)
		}
		switch {
		case err == nil && len(f.Sinks) == 0:
			return fmt.Errorf("%w: there is none; add one to alerts.sinks", ErrUndelivered)
		case err == nil && open == 0:
			return f.missed()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return f.missed()
		}
	}
}

// missed names the sinks without the drill.
func (f *Fired) missed() error {
	var names []string
	for _, k := range f.Sinks {
		if k.Delivered == 0 {
			name := k.Sink
			if k.Error != "" {
				name += " (" + k.Error + ")"
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s; it is tried again: see `honeyrow alerts status`", ErrUndelivered, strings.Join(names, ", "))
}
