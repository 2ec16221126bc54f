// Package inspecttest holds a recording fake of inspect.Inspector for protocol
// tests. It remembers every call with copies of what it was shown, returns the
// verdicts that a test scripted, and notes where a protocol breaks the seam's
// contract (a span outside its row, a call after Done).
//
//	rec := inspecttest.New()
//	rec.BlockWhen(event.ChannelRow, "stolen@example.com")
//	... drive the protocol with rec ...
//	got := rec.Bytes(event.ChannelRow)
//	for _, p := range rec.Problems() { t.Error(p) }
package inspecttest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"honeyrow/event"
	"honeyrow/inspect"
)

// Call is one call that a protocol made. Slices are the recorder's own copies.
type Call struct {
	// Method is "Open", "Prepare", "Present", "Describe", "Set", "SessionText",
	// "Close", "Bind", "Run", "Failed", "Release", "Columns", "Stream", "RunText", "Done",
	// "Suspect" or "Row".
	Method    string
	Session   int // number of the session, from 1 in the order of Open
	Statement int // number of the statement within the recorder, from 1; 0 if none
	Run       int // number of the run within the recorder, from 1; 0 if none

	Channel event.Channel // Present, Bind, SessionText, Columns, Stream, RunText, Row
	// Data is the statement's text (Prepare), the bytes (Present, Bind, Stream), the
	// text (SessionText, RunText), the row (Row), the region (Suspect) or the
	// parameters' buffer (Run).
	Data   []byte
	Total  int              // Prepare
	Params []inspect.Param  // Run
	Cols   []inspect.Column // Describe; Columns with a Layout
	Fields []inspect.Span   // Row, in its order
	N      uint64           // Row, Stream, Done: rows so far
	End    bool             // Present, Bind, Stream
	Name   string           // Set: the parameter. Done, Failed: the command tag or SQLSTATE
	Value  string           // Set
	Client event.Client     // Open

	Verdict event.Verdict // what the call returned
}

// Field returns the bytes of column col in a Row call, and whether the call
// was shown that column. A NULL gives nil and true.
func (c *Call) Field(col int) ([]byte, bool) {
	for _, f := range c.Fields {
		if int(f.Col) == col {
			if f.Len < 0 {
				return nil, true
			}
			return c.Data[f.Off : f.Off+f.Len], true
		}
	}
	return nil, false
}

// script is one scripted verdict.
type script struct {
	ch     event.Channel
	needle []byte
	action event.Action
	rule   string
}

// Recorder implements inspect.Inspector. Set its exported fields and scripts
// before the protocol uses it; read the calls at any time.
type Recorder struct {
	// SuspectFunc answers Rows.Suspect; nil means that every region is suspect,
	// so that Row sees every field.
	SuspectFunc func(region []byte) bool
	// GateBits is what Rows.Gate returns.
	GateBits uint64
	// WantsFunc answers Rows.Wants; nil means no.
	WantsFunc func(col inspect.Column, i int) bool
	// NoRows makes Run.Columns return nil Rows: nothing to watch.
	NoRows bool
	// Again: a field may be shown in two readings, and a long row twice. Without
	// it either is a problem.
	Again bool
	// Quiet keeps Suspect calls out of the record.
	Quiet bool

	mu       sync.Mutex
	calls    []Call
	scripts  []script
	problems []string
	sessions int
	stmts    int
	runs     int
	verdicts int
	changed  chan struct{} // closed and replaced at each call
}

// New returns a Recorder that lets everything pass and suspects every region.
func New() *Recorder { return &Recorder{changed: make(chan struct{})} }

// BlockWhen makes every call on channel ch return a Block verdict from the one
// on that shows the last byte of needle, also when needle was split over calls.
// An empty channel means any. Open is ChannelLogin, Prepare ChannelStatement,
// Run ChannelBind, Describe's names ChannelLabel (the verdict comes from Columns).
func (r *Recorder) BlockWhen(ch event.Channel, needle string) {
	r.when(ch, needle, event.Block)
}

// AlertWhen is like BlockWhen with an Alert verdict.
func (r *Recorder) AlertWhen(ch event.Channel, needle string) {
	r.when(ch, needle, event.Alert)
}

func (r *Recorder) when(ch event.Channel, needle string, a event.Action) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scripts = append(r.scripts, script{ch, []byte(needle), a, "scripted-" + a.String()})
}

// SuspectOnly makes a region suspect only if it holds one of the needles.
func (r *Recorder) SuspectOnly(needles ...string) {
	r.SuspectFunc = func(region []byte) bool {
		for _, n := range needles {
			if bytes.Contains(region, []byte(n)) {
				return true
			}
		}
		return false
	}
}

// Calls returns the calls so far, or only those of the named methods.
func (r *Recorder) Calls(methods ...string) []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(methods) == 0 {
		return slices.Clone(r.calls)
	}
	var out []Call
	for _, c := range r.calls {
		if slices.Contains(methods, c.Method) {
			out = append(out, c)
		}
	}
	return out
}

// Methods returns the methods called, in order: handy to compare a whole dialogue.
func (r *Recorder) Methods() []string {
	var out []string
	for _, c := range r.Calls() {
		out = append(out, c.Method)
	}
	return out
}

// Bytes joins all data shown on a channel, in order, without Suspect regions.
func (r *Recorder) Bytes(ch event.Channel) []byte {
	var out []byte
	for _, c := range r.Calls() {
		if c.Channel == ch && c.Method != "Suspect" {
			out = append(out, c.Data...)
		}
	}
	return out
}

// Statements returns the texts given to Prepare.
func (r *Recorder) Statements() []string {
	var out []string
	for _, c := range r.Calls("Prepare") {
		out = append(out, string(c.Data))
	}
	return out
}

// Problems returns where the protocol broke the contract of package inspect.
func (r *Recorder) Problems() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.problems)
}

// Changed returns a channel that is closed at the next call. Take it before
// looking at Calls, to wait for a call without sleeping.
func (r *Recorder) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Reset forgets calls and problems; scripts and numbering stay.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls, r.problems = nil, nil
}

// note records a call; the caller holds r.mu.
func (r *Recorder) note(c Call) {
	r.calls = append(r.calls, c)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Recorder) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// judge returns the verdict for text on a channel; the caller holds r.mu.
func (r *Recorder) judge(ch event.Channel, text []byte) event.Verdict {
	var v event.Verdict
	for _, s := range r.scripts {
		if (s.ch == "" || s.ch == ch) && bytes.Contains(text, s.needle) && s.action > v.Action {
			v.Action, v.Rule = s.action, s.rule
		}
	}
	if v.Action != event.Pass {
		r.verdicts++
		v.Detection = event.ID(fmt.Sprintf("detection-%d", r.verdicts))
	}
	return v
}

// flow joins what was shown on the channels of one session or run, so that
// scripts see values that were split over calls.
type flow map[event.Channel][]byte

func (f flow) add(ch event.Channel, data []byte, end bool) []byte {
	all := append(f[ch], data...)
	f[ch] = all
	if end {
		delete(f, ch)
	}
	return all
}
