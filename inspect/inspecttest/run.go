package inspecttest

import (
	"bytes"
	"slices"

	"honeyrow/event"
	"honeyrow/inspect"
)

type run struct {
	t     *statement
	n     int
	split flow // of Stream
	done  bool
}

func (u *run) open(method string) {
	u.t.s.open(method)
	if u.done {
		u.t.s.r.problem("%s after Done of run %d", method, u.n)
	}
}

// call fills in what every call of a run has.
func (u *run) call(method string, ch event.Channel, data []byte) Call {
	return Call{Method: method, Session: u.t.s.n, Statement: u.t.n, Run: u.n, Channel: ch, Data: bytes.Clone(data)}
}

func (u *run) Columns(ch event.Channel, l inspect.Layout) (inspect.Rows, event.Verdict) {
	r := u.t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	u.open("Columns")
	c := u.call("Columns", ch, nil)
	if ch != event.ChannelRow && ch != event.ChannelCopy {
		r.problem("Columns on channel %q: rows travel on row or copy", ch)
	}
	if l != nil {
		lay, ok := l.(*layout)
		if !ok {
			r.problem("Columns with a Layout of type %T, which this Session did not make", l)
		} else {
			c.Cols = lay.cols
		}
	}
	var names []byte
	for _, col := range c.Cols {
		names = append(append(names, col.Name...), 0)
	}
	c.Verdict = r.judge(event.ChannelLabel, names)
	r.note(c)
	if r.NoRows {
		return nil, c.Verdict
	}
	return &rows{u: u, ch: ch, cols: c.Cols, last: 0}, c.Verdict
}

func (u *run) Stream(ch event.Channel, n uint64, data []byte, end bool) event.Verdict {
	r := u.t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	u.open("Stream")
	c := u.call("Stream", ch, data)
	c.N, c.End = n, end
	c.Verdict = r.judge(ch, u.split.add(ch, data, end))
	r.note(c)
	return c.Verdict
}

func (u *run) Text(ch event.Channel, text []byte) event.Verdict {
	r := u.t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	u.open("Text")
	c := u.call("RunText", ch, text)
	c.Verdict = r.judge(ch, text)
	r.note(c)
	return c.Verdict
}

func (u *run) Done(n uint64, code string) {
	r := u.t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	u.open("Done")
	u.done = true
	c := u.call("Done", "", nil)
	c.N, c.Name = n, code
	r.note(c)
}

type rows struct {
	u    *run
	ch   event.Channel
	cols []inspect.Column
	last uint64 // number of the last row shown
}

func (w *rows) Suspect(region []byte) bool {
	r := w.u.t.s.r
	yes := r.SuspectFunc == nil || r.SuspectFunc(region)
	r.mu.Lock()
	defer r.mu.Unlock()
	w.u.open("Suspect")
	if !r.Quiet {
		r.note(w.u.call("Suspect", "", region))
	}
	return yes
}

func (w *rows) Gate() uint64 { return w.u.t.s.r.GateBits }

func (w *rows) Wants(col int) bool {
	f := w.u.t.s.r.WantsFunc
	if f == nil {
		return false
	}
	var c inspect.Column
	if col < len(w.cols) {
		c = w.cols[col]
	}
	return f(c, col)
}

func (w *rows) Row(n uint64, row []byte, fields []inspect.Span) event.Verdict {
	r := w.u.t.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	w.u.open("Row")
	if n < w.last || n == w.last && !r.Again {
		r.problem("row %d shown after row %d", n, w.last)
	}
	w.last = n
	c := w.u.call("Row", w.ch, row)
	c.N, c.Fields = n, slices.Clone(fields)
	var seen []byte
	col := int32(-1)
	for _, f := range fields {
		if f.Col < col || f.Col == col && !r.Again {
			r.problem("row %d: column %d shown after column %d", n, f.Col, col)
		}
		col = f.Col
		if f.Len < 0 {
			continue
		}
		if f.Off < 0 || int(f.Off)+int(f.Len) > len(row) {
			r.problem("row %d: column %d lies at %d+%d outside its %d bytes", n, f.Col, f.Off, f.Len, len(row))
			continue
		}
		seen = append(append(seen, row[f.Off:f.Off+f.Len]...), 0)
	}
	c.Verdict = r.judge(w.ch, seen)
	r.note(c)
	return c.Verdict
}
