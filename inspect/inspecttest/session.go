package inspecttest

import (
	"bytes"
	"slices"

	"honeyrow/event"
	"honeyrow/inspect"
)

// Open implements inspect.Inspector.
func (r *Recorder) Open(c event.Client) (inspect.Session, event.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions++
	v := r.judge(event.ChannelLogin, []byte(c.User+"\x00"+c.Database+"\x00"+c.Application))
	r.note(Call{Method: "Open", Session: r.sessions, Client: c, Verdict: v})
	return &session{r: r, n: r.sessions, split: flow{}}, v
}

type session struct {
	r      *Recorder
	n      int
	split  flow // of Present
	rest   int  // bytes of a long statement still to come
	closed bool
}

// layout is what Describe returns.
type layout struct{ cols []inspect.Column }

func (s *session) open(method string) {
	if s.closed {
		s.r.problem("%s after Close of session %d", method, s.n)
	}
}

func (s *session) Prepare(sql []byte, total int) (inspect.Statement, event.Verdict) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.open("Prepare")
	if total < len(sql) {
		r.problem("Prepare: total %d is less than the %d bytes given", total, len(sql))
	}
	if s.rest > 0 {
		r.problem("Prepare while %d bytes of the last statement are still to come", s.rest)
	}
	delete(s.split, event.ChannelStatement)
	s.rest = total - len(sql)
	seen := bytes.Clone(sql)
	if s.rest > 0 {
		seen = s.split.add(event.ChannelStatement, sql, false)
	}
	r.stmts++
	v := r.judge(event.ChannelStatement, seen)
	r.note(Call{
		Method: "Prepare", Session: s.n, Statement: r.stmts, Channel: event.ChannelStatement,
		Data: bytes.Clone(sql), Total: total, Verdict: v,
	})
	return &statement{s: s, n: r.stmts}, v
}

func (s *session) Present(ch event.Channel, data []byte, end bool) event.Verdict {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.open("Present")
	if !ch.Inbound() {
		r.problem("Present on channel %q, which does not come from the client", ch)
	}
	if ch == event.ChannelStatement {
		switch {
		case s.rest > inspect.UnknownLength/2 && end:
			s.rest = 0
		case s.rest > inspect.UnknownLength/2:
		default:
			s.rest -= len(data)
			if s.rest < 0 || end != (s.rest == 0) {
				r.problem("Present: %d bytes of the statement missing, end is %v", s.rest, end)
			}
		}
	}
	v := r.judge(ch, s.split.add(ch, data, end))
	r.note(Call{Method: "Present", Session: s.n, Channel: ch, Data: bytes.Clone(data), End: end, Verdict: v})
	return v
}

func (s *session) Describe(cols []inspect.Column) inspect.Layout {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.open("Describe")
	r.note(Call{Method: "Describe", Session: s.n, Cols: slices.Clone(cols)})
	return &layout{slices.Clone(cols)}
}

func (s *session) Set(name, value string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.open("Set")
	s.r.note(Call{Method: "Set", Session: s.n, Name: name, Value: value})
}

func (s *session) Text(ch event.Channel, text []byte) event.Verdict {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.open("Text")
	if ch.Inbound() {
		r.problem("Text on channel %q, which does not come from the server", ch)
	}
	v := r.judge(ch, text)
	r.note(Call{Method: "SessionText", Session: s.n, Channel: ch, Data: bytes.Clone(text), Verdict: v})
	return v
}

func (s *session) Close() {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.open("Close")
	s.closed = true
	s.r.note(Call{Method: "Close", Session: s.n})
}

type statement struct {
	s        *session
	n        int
	released bool
}

func (t *statement) Bind(data []byte, end bool) event.Verdict {
	r := t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	t.s.open("Bind")
	if t.released {
		r.problem("Bind of statement %d after Release", t.n)
	}
	v := r.judge(event.ChannelBind, t.s.split.add(event.ChannelBind, data, end))
	r.note(Call{Method: "Bind", Session: t.s.n, Statement: t.n, Channel: event.ChannelBind, Data: bytes.Clone(data), End: end, Verdict: v})
	return v
}

func (t *statement) Run(buf []byte, params []inspect.Param) (inspect.Run, event.Verdict) {
	r := t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	t.s.open("Run")
	if t.released {
		r.problem("Run of statement %d after Release", t.n)
	}
	var seen []byte
	for i, p := range params {
		if p.Len < 0 {
			continue
		}
		if p.Off < 0 || int(p.Off)+int(p.Len) > len(buf) {
			r.problem("Run: parameter %d lies at %d+%d outside its %d bytes", i+1, p.Off, p.Len, len(buf))
			continue
		}
		seen = append(append(seen, buf[p.Off:p.Off+p.Len]...), 0)
	}
	r.runs++
	v := r.judge(event.ChannelBind, seen)
	r.note(Call{
		Method: "Run", Session: t.s.n, Statement: t.n, Run: r.runs,
		Data: bytes.Clone(buf), Params: slices.Clone(params), Verdict: v,
	})
	return &run{t: t, n: r.runs, split: flow{}}, v
}

func (t *statement) Failed(code string) {
	r := t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.released {
		r.problem("Failed of statement %d after Release", t.n)
	}
	r.note(Call{Method: "Failed", Session: t.s.n, Statement: t.n, Name: code})
}

func (t *statement) Release() {
	r := t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.released {
		r.problem("statement %d released twice", t.n)
	}
	t.released = true
	r.note(Call{Method: "Release", Session: t.s.n, Statement: t.n})
}
