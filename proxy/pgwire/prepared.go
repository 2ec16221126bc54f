package pgwire

import (
	"sync/atomic"

	"honeyrow/inspect"
)

// prepared is a statement that the client prepared, by Parse or by SQL.
type prepared struct {
	stmt   inspect.Statement
	length int      // of its text in bytes
	types  []uint32 // parameter types, from Parse and then ParameterDescription
	// desc is what Describe told of its result; written by the server's
	// goroutine, read by the client's to know whether to ask.
	desc   atomic.Pointer[description]
	copies []copyFormat // of COPY TO STDOUT in its text
	drops  string       // the name that its text deallocates; empty: none
	// asked says that a Describe of it or of a portal is under way.
	asked atomic.Bool
	// undone: the server never made it, and its name still stands for instead,
	// which may be nil. mu guards both.
	undone  bool
	instead *prepared
	// refs counts the requests and executions that lead to it; kept says that
	// something else may: it is left to the collector. mu guards both.
	refs int
	kept bool
}

// made is the statement that the server has by the name that p was to have. mu
// is held.
func (p *prepared) made() *prepared {
	for p != nil && p.undone {
		p = p.instead
	}
	return p
}

// maxRetired is how many unnamed statements wait to be used again, and keptText the
// longest text of one in bytes: idle sessions stay small. Those that find no place
// are the collector's.
const (
	maxRetired = 2
	keptText   = 2 << 10
)

// retire notes an unnamed statement whose name stands for another one now. Most
// drivers send each query as one, so that a session makes as many as it has
// queries. Client's goroutine; mu is held.
func (f *flow) retire(p *prepared) {
	if p.kept || p.length > keptText {
		return
	}
	f.retired[f.retiredAt] = p
	f.retiredAt = (f.retiredAt + 1) % maxRetired
}

// newPrepared makes a statement, of a retired one to which nothing leads any more
// if there is one. Only the client's goroutine retires and takes them, so that it
// never has one in hand that is used again; the server's has those alone that a
// request or an execution leads to.
func (f *flow) newPrepared() *prepared {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range f.retired {
		// An error may have given it its name back.
		if p == nil || p.refs > 0 || p.kept || f.statements.unnamed == p {
			continue
		}
		f.retired[i] = nil
		p.stmt.Release()
		p.types = p.types[:0] // of the Parse; a ParameterDescription's are replaced as a whole
		p.desc.Store(nil)
		p.asked.Store(false)
		return p
	}
	return new(prepared)
}
