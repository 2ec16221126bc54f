package wire

import "sync/atomic"

// Tally counts what clients asked for and got: a session's, which adds to its
// listener's as it goes. Any field may be read at any time.
type Tally struct {
	Statements atomic.Uint64 // sent to be run, refused ones too
	Rows       atomic.Uint64 // that the server returned
	// Inspected are those of Rows that were searched; in the others nothing that is
	// watched for could stand.
	Inspected atomic.Uint64
	// Total is the listener's; nil for a listener's own. It does not change.
	Total *Tally
}

// Statement counts one statement.
func (t *Tally) Statement() {
	t.Statements.Add(1)
	if t.Total != nil {
		t.Total.Statements.Add(1)
	}
}

// Got counts n rows. Flows call it once for a chunk or a run, never for a row.
func (t *Tally) Got(n uint64, inspected bool) {
	t.Rows.Add(n)
	if inspected {
		t.Inspected.Add(n)
	}
	if t.Total != nil {
		t.Total.Got(n, inspected)
	}
}

// Account is how a session stands, as far as its flow knows.
type Account struct {
	Statements, Rows, Inspected uint64 // as in Tally
	// Busy: the server has not answered all that the client sent.
	Busy bool
	// Transaction: a transaction is open.
	Transaction bool
	// Application is the client's claim as of now.
	Application string
}

// Of returns an Account with the counts of t.
func (t *Tally) Of() Account {
	return Account{Statements: t.Statements.Load(), Rows: t.Rows.Load(), Inspected: t.Inspected.Load()}
}

// Accountant is a Flow that keeps account. Account may be called by any goroutine.
type Accountant interface{ Account() Account }

// Canceller is a Flow that can ask the server to give up what it is running.
// Cancel is called once at most, by one of the session's goroutines, when the
// session is about to end by order; it bounds its own time.
type Canceller interface{ Cancel() }
