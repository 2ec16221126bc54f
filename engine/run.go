package engine

import (
	"time"

	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

// run is one execution. It and its Rows come from a pool and go back with Done.
type run struct {
	s       *session
	st      *statement
	note    *note         // of its shape; nil: it is not known
	started time.Duration // of the engine's uptime
	again   bool          // not the statement's first run
	rec     *record       // nil until the first hit
	out     streams       // carries of what the server streams
	bound   bound         // parameters, if the operator asked for them
	late    *late         // what is found out about the bound values meanwhile
	rows    rows          // of the current result
	// expecting is the allowance that expects something of the run.
	expecting *rules.Held
}

// bind looks for values in bound parameters.
func (r *run) bind(buf []byte, params []inspect.Param) event.Verdict {
	x := r.s.e.index.Load()
	if x.Empty() {
		return event.Verdict{}
	}
	for i, p := range params {
		if p.Len <= 0 {
			continue
		}
		b := buf[p.Off : p.Off+p.Len]
		forms := asText
		if p.Binary {
			forms = asBinary
		}
		whole, isWhole := x.Whole(b)
		if isWhole {
			proven(x, whole, forms, func(t uint32) {
				r.record().sight(x, t, event.ChannelBind, meansField, r.parameterName(i), tried(len(params)))
			})
		}
		for f := x.Find(b); ; {
			val, at, ok := f.Next()
			if !ok {
				break
			}
			if (!isWhole || val != whole) && (x.Anywhere(val) || match.Apart(b, at, x.Len(val))) {
				proven(x, val, asPart, func(t uint32) {
					r.record().sight(x, t, event.ChannelBind, meansOf(f.As()), r.parameterName(i), tried(len(buf)))
				})
			}
		}
	}
	return r.rec.settle()
}

// record returns the run's record for a new hit.
func (r *run) record() *record {
	if r.rec == nil {
		r.rec = r.s.e.newRecord(r.s, r.st, r.s.e.since(r.started))
		r.rec.parameters(r.bound)
		if r.again {
			r.rec.recall(r.st.hits)
		}
	}
	return r.rec
}

// Columns implements inspect.Run. The Rows of an earlier result of the same run
// must not be used afterwards.
func (r *run) Columns(ch event.Channel, l inspect.Layout) (inspect.Rows, event.Verdict) {
	x := r.s.e.index.Load()
	if x.Empty() {
		return nil, event.Verdict{}
	}
	var w *watch
	if lay, ok := l.(*layout); ok && lay != nil {
		w = lay.watch(x)
	} else {
		w = r.s.bareWatch(x)
	}
	for _, h := range w.labels {
		r.record().sight(x, h.tok, event.ChannelLabel, h.means, h.label, tried(len(h.label)))
	}
	r.rows.run, r.rows.ch, r.rows.watch, r.rows.demand = r, ch, w, nil
	if !x.Clear() {
		r.rows.demand = r.demanded(x)
	}
	return &r.rows, r.rec.settle()
}

// Stream implements inspect.Run.
func (r *run) Stream(ch event.Channel, n uint64, data []byte, end bool) event.Verdict {
	x := r.s.e.index.Load()
	if x.Empty() {
		return event.Verdict{}
	}
	var c *record
	out := r.out.of(ch)
	out.searched += uint64(len(data))
	out.Scan(x, data, end, func(h match.Hit) {
		if h.As == match.Plain && !x.Anywhere(h.Value) && !h.Bounded {
			return
		}
		proven(x, h.Value, asPart, func(t uint32) {
			c = r.s.standby
			if ch != event.ChannelReplication || c == nil {
				c = r.record()
			}
			c.det.Run.Rows = n
			c.sight(x, t, ch, meansOf(h.As), "", tried(out.searched))
		})
	})
	return c.settle()
}

// Text implements inspect.Run.
func (r *run) Text(ch event.Channel, text []byte) event.Verdict {
	x := r.s.e.index.Load()
	if x.Empty() {
		return event.Verdict{}
	}
	seen := func(t uint32, means string) { r.record().sight(x, t, ch, means, "", tried(len(text))) }
	r.s.sightings(x, text, false, seen)
	r.s.pieced(x, text, seen)
	if ch == event.ChannelError {
		r.s.begun(x, text, seen)
	}
	return r.rec.settle()
}

// Done implements inspect.Run.
func (r *run) Done(n uint64, code string) {
	e, st := r.s.e, r.st
	for _, l := range [...]*late{st.late, r.late} {
		if l != nil {
			r.lateHits(l)
		}
	}
	r.ended(n, code)
	if r.rec != nil {
		r.rec.done(n, code)
	}
	r.late = nil
	if e.analysis != nil && isSyntaxError(code) {
		r.s.unlearn(st.text)
		e.syntaxError(asked{s: r.s, text: st.text, total: st.total})
	}
	r.s, r.st, r.note, r.rec, r.out = nil, nil, nil, nil, r.out[:0]
	r.rows.run, r.rows.watch, r.rows.searched = nil, nil, 0
	r.rows.demand = nil
	if cap(r.rows.scratch) > keepText {
		r.rows.scratch = nil
	}
	r.bound.reset()
	e.runs.Put(r)
	st.unref()
}

// isSyntaxError knows the codes of statements that the server could not parse:
// PostgreSQL's SQLSTATE, MySQL's number.
func isSyntaxError(code string) bool { return code == "42601" || code == "1064" }
