// Package doctor checks an installation from the outside: whether the server
// is reachable and how it authenticates, whether the seeding role can do its
// work, whether clients go around the proxy, and whether the files are as
// private as they should be. It changes nothing and needs no running proxy.
package doctor

import (
	"context"
	"fmt"
	"time"

	"honeyrow/proxy/tlsconf"
	"honeyrow/token"
)

// Level says how bad a finding is.
type Level string

// The levels. Only Fail makes `honeyrow doctor` end with exit code 1.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is the result of one check.
type Finding struct {
	Subject string `json:"subject"` // "server crm", "registry", ...
	Check   string `json:"check"`   // a stable word for scripts: "reachable", "tls", "auth", ...
	Level   Level  `json:"level"`
	Text    string `json:"text"`             // what was found
	Advice  string `json:"advice,omitempty"` // what to do about it
}

// Patient is what is examined.
type Patient struct {
	ConfigFile string
	Servers    []Server
	Listeners  []Listener
	Registry   Registry
	Sinks      []Sink
	// Secrets are files that nobody but the proxy's user and group should read.
	Secrets []string
	// Proxy asks the running proxy which sessions are its own; nil: there is no way to
	// ask it.
	Proxy func(ctx context.Context) (*Proxy, error)
	// Now is the clock; nil means the system's.
	Now func() time.Time
}

// Server is one database server.
type Server struct {
	Name, Address string // host:port or unix:/path
	Protocol      string // MySQL, anything else is PostgreSQL's
	TLS           tlsconf.Server
	// ProxyProtocol: a MySQL server is told clients' addresses with a PROXY header.
	ProxyProtocol bool
	// DSN is the seeding role's connection string; empty if none is
	// configured, with DSNErr if it can't be read.
	DSN    string
	DSNErr error
}

// Listener is one socket of the proxy.
type Listener struct {
	Name, Server, Address string
	TLS                   tlsconf.Client
	// Replication and RSAKeyFile are those of proxy/mywire.Config.
	Replication []string
	RSAKeyFile  string
}

// Registry tells about the registry's files and contents.
type Registry struct {
	Path, KeyFile string
	// Open opens the registry with its key. The doctor closes what it gets.
	Open func(ctx context.Context) (Book, error)
}

// Book is the part of an open registry that the doctor reads.
type Book interface {
	Snapshot(ctx context.Context) (*token.Snapshot, error)
	Watchers(ctx context.Context) ([]token.Watcher, error)
	Close() error
}

// Sink is one destination of alerts. Check reports why it can't be used now,
// without sending anything.
type Sink struct {
	Name, Type string
	Check      func(ctx context.Context) error
}

// checkTime bounds each conversation with a server.
const checkTime = 10 * time.Second

// exam carries one examination.
type exam struct {
	p    Patient
	now  func() time.Time
	emit func(Finding)

	snapshot *token.Snapshot // nil: the registry can't be read
	watchers []token.Watcher
	probes   map[string]*probe // by server name
}

// Examine runs all checks and hands each finding to emit as it is made. It
// returns the number of findings at each level.
func Examine(ctx context.Context, p Patient, emit func(Finding)) map[Level]int {
	count := map[Level]int{}
	x := &exam{p: p, now: p.Now, probes: map[string]*probe{}}
	if x.now == nil {
		x.now = time.Now
	}
	x.emit = func(f Finding) { count[f.Level]++; emit(f) }
	x.files()
	x.registry(ctx)
	for i := range p.Servers {
		if p.Servers[i].Protocol == MySQL {
			x.mysql(ctx, &p.Servers[i])
			continue
		}
		x.server(ctx, &p.Servers[i])
	}
	for i := range p.Listeners {
		x.listener(ctx, &p.Listeners[i])
	}
	for i := range p.Servers {
		if p.Servers[i].Protocol == MySQL {
			x.myRole(ctx, &p.Servers[i])
			continue
		}
		x.role(ctx, &p.Servers[i])
	}
	for _, s := range p.Sinks {
		x.sink(ctx, s)
	}
	return count
}

func (x *exam) ok(subject, check, format string, args ...any) {
	x.emit(Finding{Subject: subject, Check: check, Level: OK, Text: fmt.Sprintf(format, args...)})
}

func (x *exam) warn(subject, check, advice, format string, args ...any) {
	x.emit(Finding{Subject: subject, Check: check, Level: Warn, Text: fmt.Sprintf(format, args...), Advice: advice})
}

func (x *exam) fail(subject, check, advice, format string, args ...any) {
	x.emit(Finding{Subject: subject, Check: check, Level: Fail, Text: fmt.Sprintf(format, args...), Advice: advice})
}

func (x *exam) sink(ctx context.Context, s Sink) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if err := s.Check(ctx); err != nil {
		x.fail("sink "+s.Name, "sink", "correct the sink in the configuration, then try `honeyrow alerts test "+s.Name+"`", "%s sink can't be used: %v", s.Type, err)
		return
	}
	x.ok("sink "+s.Name, "sink", "%s sink can be used", s.Type)
}
