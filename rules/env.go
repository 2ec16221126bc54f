package rules

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
)

// Env is what a condition sees. Which of it is known depends on the phase; the
// rest is empty. It is used again: what it refers to belongs to its user, and
// conditions change nothing. Make one with NewEnv.
//
// Names in conditions are those of the tags: client.user, statement.kind.
type Env struct {
	Client    Client    `expr:"client" yaml:"client"`
	Statement Statement `expr:"statement" yaml:"statement"`
	// Findings are the detectors' observations about the statement at hand, or of
	// the run's statement; Score is the sum of their weights, that of SQL in values
	// left out.
	Findings []Finding `expr:"findings" yaml:"findings"`
	Score    int       `expr:"score" yaml:"score"`
	Reach    Reach     `expr:"reach" yaml:"reach"`
	Novelty  Novelty   `expr:"novelty" yaml:"novelty"`
	Hits     []Hit     `expr:"hits" yaml:"hits"` // of the run, the first 64 different tokens
	Run      Run       `expr:"run" yaml:"run"`
	Session  Session   `expr:"session" yaml:"session"`
	Expected Expected  `expr:"expected" yaml:"expected"`
	Proxy    Proxy     `expr:"proxy" yaml:"proxy"`
	Time     Time      `expr:"time" yaml:"time"`

	// Found reports whether one of the detectors named has a finding.
	Found func(...string) bool `expr:"found" yaml:"-"`
	// Reads and Writes report whether the statement reads or writes one of the
	// tables named, "customers" or "hr.customers"; Calls is the same of functions.
	Reads  func(...string) bool `expr:"reads" yaml:"-"`
	Writes func(...string) bool `expr:"writes" yaml:"-"`
	Calls  func(...string) bool `expr:"calls" yaml:"-"`
	// Within reports whether an address lies in one of the networks; a unix
	// socket's lies in none.
	Within func(address string, networks ...string) bool `expr:"within" yaml:"-"`

	now time.Time
}

// Client is who asks: event.Client without what differs between two sessions
// of the same one.
type Client struct {
	Protocol      string            `expr:"protocol" yaml:"protocol"` // postgres, mysql
	Listener      string            `expr:"listener" yaml:"listener"`
	Server        string            `expr:"server" yaml:"server"`
	ServerVersion string            `expr:"server_version" yaml:"server_version"`
	Protect       bool              `expr:"protect" yaml:"protect"` // the listener is in protect mode
	Address       string            `expr:"address" yaml:"address"` // without port; "unix" for a unix socket
	Balancer      string            `expr:"balancer" yaml:"balancer"`
	Unix          bool              `expr:"unix" yaml:"unix"`
	UID           int               `expr:"uid" yaml:"uid"` // of the peer process on a unix socket, else -1
	GID           int               `expr:"gid" yaml:"gid"`
	User          string            `expr:"user" yaml:"user"`
	Database      string            `expr:"database" yaml:"database"` // the current one
	Application   string            `expr:"application" yaml:"application"`
	TLS           TLS               `expr:"tls" yaml:"tls"`
	Replication   bool              `expr:"replication" yaml:"replication"` // a replication connection
	Attributes    map[string]string `expr:"attributes" yaml:"attributes"`
}

// TLS is the client's side of an encrypted session.
type TLS struct {
	On          bool   `expr:"on" yaml:"on"`
	Version     string `expr:"version" yaml:"version"` // "TLS 1.3"
	Cipher      string `expr:"cipher" yaml:"cipher"`
	ServerName  string `expr:"server_name" yaml:"server_name"`
	Subject     string `expr:"subject" yaml:"subject"` // of a verified client certificate
	Issuer      string `expr:"issuer" yaml:"issuer"`
	Fingerprint string `expr:"fingerprint" yaml:"fingerprint"`
}

// Statement is what was asked.
type Statement struct {
	Known  bool     `expr:"known" yaml:"known"`   // facts are at hand; else all but length is empty
	Parsed bool     `expr:"parsed" yaml:"parsed"` // by the dialect's parser, not by the lexer alone
	Kind   string   `expr:"kind" yaml:"kind"`     // of the first statement: select, insert, update, delete, copy, define, ...
	Kinds  []string `expr:"kinds" yaml:"kinds"`   // of all statements of the text
	// Tables are all tables named, as schema.table if a schema is written, in
	// lower case; Read and Written are those read and written.
	Tables    []string `expr:"tables" yaml:"tables"`
	Read      []string `expr:"read" yaml:"read"`
	Written   []string `expr:"written" yaml:"written"`
	Columns   []string `expr:"columns" yaml:"columns"`     // named, without their tables, lower case; "*" for a star
	Functions []string `expr:"functions" yaml:"functions"` // called, lower case
	Shape     string   `expr:"shape" yaml:"shape"`         // as alerts show it
	Length    int      `expr:"length" yaml:"length"`       // bytes
	// Tags are the application's (sqlcommenter).
	Tags map[string]string `expr:"tags" yaml:"tags"`
}

// Finding is one detector's observation.
type Finding struct {
	Detector string   `expr:"detector" yaml:"detector"`
	Weight   int      `expr:"weight" yaml:"weight"`
	Maps     []string `expr:"maps" yaml:"maps"`
}

// Reach is which honey the statement can get at.
type Reach struct {
	Tables []string `expr:"tables" yaml:"tables"` // named that hold honey rows: database.table
	Decoys []string `expr:"decoys" yaml:"decoys"` // of these, tables with nothing else
}

// Novelty is what learning says.
type Novelty struct {
	// New: the shape was not seen while learning, for this user and application.
	// False where nothing was learned.
	New bool `expr:"new" yaml:"new"`
	// Usual: all that was found is of the weakest kind, and many known shapes of
	// the same user and application have it too.
	Usual bool `expr:"usual" yaml:"usual"`
}

// Hit is one token seen.
type Hit struct {
	Token    string `expr:"token" yaml:"token"`
	Row      string `expr:"row" yaml:"row"`
	Kind     string `expr:"kind" yaml:"kind"` // email, api_key, ...
	Server   string `expr:"server" yaml:"server"`
	Database string `expr:"database" yaml:"database"`
	Schema   string `expr:"schema" yaml:"schema"`
	Table    string `expr:"table" yaml:"table"`
	Column   string `expr:"column" yaml:"column"`     // where it is planted
	Strength string `expr:"strength" yaml:"strength"` // weak, firm, strong
	Channel  string `expr:"channel" yaml:"channel"`   // row, copy, error, ..., statement, bind, copy-in, login
	Inbound  bool   `expr:"inbound" yaml:"inbound"`   // the client presented it
	Means    string `expr:"means" yaml:"means"`
	Disguise string `expr:"disguise" yaml:"disguise"`
	Count    int    `expr:"count" yaml:"count"`
}

// Run is the execution so far.
type Run struct {
	Rows      int `expr:"rows" yaml:"rows"`             // returned
	HoneyRows int `expr:"honey_rows" yaml:"honey_rows"` // different ones
	Hits      int `expr:"hits" yaml:"hits"`             // all, repeats included
	// Chance is how probable it is that ordinary rows gave all the hits.
	Chance  float64 `expr:"chance" yaml:"chance"`
	Ended   bool    `expr:"ended" yaml:"ended"`
	Code    string  `expr:"code" yaml:"code"`       // as event.Run.Code
	Failed  bool    `expr:"failed" yaml:"failed"`   // ended with an error, or with the session
	Seconds float64 `expr:"seconds" yaml:"seconds"` // since it began
}

// Session is what was before.
type Session struct {
	Seconds      int `expr:"seconds" yaml:"seconds"`             // since login
	Statements   int `expr:"statements" yaml:"statements"`       // prepared, this one included
	HoneyRows    int `expr:"honey_rows" yaml:"honey_rows"`       // different ones read, up to 4096
	Findings     int `expr:"findings" yaml:"findings"`           // statements with findings
	SyntaxErrors int `expr:"syntax_errors" yaml:"syntax_errors"` // of this client in the last minute, up to 5
}

// Expected is what became of an allowance's expectation; it is filled in for
// runs, and windows without one, that an allowance expects something of.
type Expected struct {
	Missing   bool `expr:"missing" yaml:"missing"`       // fewer honey rows were seen than are expected, or no run
	HoneyRows int  `expr:"honey_rows" yaml:"honey_rows"` // expected at least
	Seen      int  `expr:"seen" yaml:"seen"`             // honey rows of the run
}

// Proxy is what honeyrow has to say of itself.
type Proxy struct {
	// ParserFailures is how often in a row statements' parser failed.
	ParserFailures int `expr:"parser_failures" yaml:"parser_failures"`
}

// Time is the time of day in the rule's zone.
type Time struct {
	Hour    int    `expr:"hour" yaml:"hour"`
	Minute  int    `expr:"minute" yaml:"minute"`
	Clock   string `expr:"clock" yaml:"clock"`     // "03:05"
	Weekday string `expr:"weekday" yaml:"weekday"` // "monday"
	Date    string `expr:"date" yaml:"date"`       // "2026-11-22"
}

// NewEnv makes an empty environment. It is no use to more than one goroutine at
// a time.
func NewEnv() *Env {
	e := &Env{}
	e.Found, e.Reads, e.Writes, e.Calls, e.Within = e.found, e.reads, e.writes, e.calls, within
	return e
}

// Reset empties the environment for another use at the given moment.
func (e *Env) Reset(now time.Time) {
	hits, findings := e.Hits[:0], e.Findings[:0]
	*e = Env{
		Found: e.Found, Reads: e.Reads, Writes: e.Writes, Calls: e.Calls, Within: e.Within,
		Hits: hits, Findings: findings, now: now,
	}
}

// At sets the moment at which rules are judged.
func (e *Env) At(now time.Time) { e.now = now }

// Since is the time from a moment to the environment's.
func (e *Env) Since(t time.Time) time.Duration { return e.now.Sub(t) }

func (e *Env) found(names ...string) bool {
	return slices.ContainsFunc(e.Findings, func(f Finding) bool { return slices.Contains(names, f.Detector) })
}

func (e *Env) reads(names ...string) bool  { return named(e.Statement.Read, names) }
func (e *Env) writes(names ...string) bool { return named(e.Statement.Written, names) }

func (e *Env) calls(names ...string) bool {
	return slices.ContainsFunc(e.Statement.Functions, func(f string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(f, n) })
	})
}

// named reports whether one of the tables is named, with its schema or without.
func named(tables, names []string) bool {
	for _, t := range tables {
		bare := t[strings.LastIndexByte(t, '.')+1:]
		for _, n := range names {
			if strings.EqualFold(n, t) || strings.EqualFold(n, bare) {
				return true
			}
		}
	}
	return false
}

func within(address string, networks ...string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	for _, n := range networks {
		if p, err := parsePrefix(n); err == nil && p.Contains(ip) {
			return true
		}
	}
	return false
}

// SetClient fills in who asks; application and database are the current ones.
func (e *Env) SetClient(c *event.Client) {
	x := &e.Client
	*x = Client{
		Protocol: c.Protocol, Listener: c.Listener, Server: c.Server, ServerVersion: c.ServerVersion, Protect: c.Protect,
		Address: Host(c.Address), Balancer: Host(c.Balancer), Unix: c.Address == "unix", UID: -1, GID: -1,
		User: c.User, Database: c.Database, Application: c.Application,
		Replication: Replicates(c), Attributes: c.Attributes,
	}
	if c.Peer != nil {
		x.UID, x.GID = int(c.Peer.UID), int(c.Peer.GID)
	}
	if t := c.TLS; t != nil {
		x.TLS = TLS{
			On: true, Version: t.Version, Cipher: t.Cipher, ServerName: t.ServerName,
			Subject: t.Subject, Issuer: t.Issuer, Fingerprint: t.Fingerprint,
		}
	}
}

// Replicates reports whether the client asked for a replication connection.
func Replicates(c *event.Client) bool {
	switch c.Replication {
	case "", "false", "off", "no", "0":
		return false
	}
	return true
}

// Host is the address of "host:port", or of a bare host, as conditions and
// allowances compare it: a mapped IPv4 address as IPv4, without zone.
func Host(s string) string {
	if ip, err := hostIP(s); err == nil {
		return ip.String()
	}
	return s
}

// AddFindings adds what detectors saw.
func (e *Env) AddFindings(fs []event.Finding) {
	for i := range fs {
		e.Findings = append(e.Findings, Finding{fs[i].Detector, fs[i].Weight, fs[i].Maps})
		if fs[i].Detector != AttemptDetector {
			e.Score += fs[i].Weight
		}
	}
}

// SetFindings replaces what detectors saw.
func (e *Env) SetFindings(fs []event.Finding) {
	e.Findings, e.Score = e.Findings[:0], 0
	e.AddFindings(fs)
}

// setTime fills in the time of day in a zone.
func (e *Env) setTime(loc *time.Location) {
	if e.now.IsZero() {
		return // a case gives it
	}
	t := e.now.In(loc)
	e.Time = Time{
		Hour: t.Hour(), Minute: t.Minute(), Clock: t.Format("15:04"),
		Weekday: strings.ToLower(t.Weekday().String()), Date: t.Format(dateForm),
	}
}
