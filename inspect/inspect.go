// Package inspect is the seam between the data plane and the analysis plane.
// Protocol code calls these interfaces while it forwards bytes; the engine
// implements them. Neither imports the other.
//
//	client ──▶ Prepare ─▶ Statement.Run ─▶ [server]
//	client ◀── Rows.Row ◀─ Run.Columns ◀── [server]
//
// Every []byte handed to a method belongs to the caller and is valid only
// during the call: implementations copy what they keep.
//
// Concurrency: of one session, Prepare, Present, Statement.Bind and Run are called
// by the goroutine that reads from the client; Describe, Set, Text and all
// methods of Run and Rows by the one that reads from the server. A Run passes
// from the first to the second with a happens-before edge. Close comes last.
package inspect

import (
	"math"

	"honeyrow/event"
)

// MinPart is the length in bytes from which a value is looked for inside
// longer values. Shorter values count only as whole fields, so that a protocol
// need not cut a row into fields unless Rows.Gate asks for it.
const MinPart = 12

// UnknownLength is the total length of a statement whose protocol does not tell
// it in advance; its end does.
const UnknownLength = math.MaxInt

// Span is one field of a row: row[Off:Off+Len]. Len -1 is NULL.
type Span struct{ Col, Off, Len int32 }

// Column describes one column of a result.
type Column struct {
	Name string
	// TableOID and Attr are PostgreSQL's provenance; 0 for an expression.
	TableOID uint32
	Attr     uint16
	// OrgSchema, OrgTable and OrgName are MySQL's, and Table: what the statement
	// calls the table.
	OrgSchema, OrgTable, OrgName string
	Table                        string
	Type                         uint32 // the protocol's type number
	Binary                       bool   // field values are in binary format
}

// Param is one bound parameter: buf[Off:Off+Len]. Len -1 is NULL.
type Param struct {
	Off, Len int32
	Type     uint32 // 0: unknown
	Binary   bool
}

// Inspector opens a session for a client that has logged in.
type Inspector interface {
	Open(event.Client) (Session, event.Verdict)
}

// Session follows one client.
type Session interface {
	// Prepare takes the text of a statement. total is its whole length in
	// bytes, or UnknownLength: if it is more than len(sql), the rest follows in
	// Present.
	Prepare(sql []byte, total int) (Statement, event.Verdict)
	// Present takes other bytes from the client, in order: COPY data, the rest
	// of a long statement. A value may be split over calls with the same channel;
	// end says that none follow.
	Present(ch event.Channel, data []byte, end bool) event.Verdict
	// Describe compiles the shape of a result. The protocol keeps the Layout
	// for as long as it sees the same columns; it does not go stale when
	// tokens change.
	Describe(cols []Column) Layout
	// Set tells a session parameter that the server reported.
	Set(name, value string)
	// Text takes text from the server that belongs to no run: notifications,
	// notices between statements, parameters.
	Text(ch event.Channel, text []byte) event.Verdict
	Close()
}

// Layout is a compiled description of a result's columns, owned by the engine.
type Layout any

// Statement is SQL text that may run any number of times.
type Statement interface {
	// Bind takes bytes of parameters that Run does not get, in order: what is too
	// long to hold, what is sent in advance, the arguments of a fast-path call. A
	// value may be split over calls; end says that none follow.
	Bind(data []byte, end bool) event.Verdict
	// Run starts one execution with its bound parameters, if any.
	Run(buf []byte, params []Param) (Run, event.Verdict)
	// Failed says that the server did not prepare the text: code is that of its
	// error, as Run.Done gives it. The goroutine that reads from the server calls
	// it, in the place of a Run's Done.
	Failed(code string)
	// Release says that no further Run is coming; the Statement must not be
	// used afterwards, though its Runs may go on. Calling it is optional.
	Release()
}

// Run is one execution of a statement. A statement text with several
// statements is one Run with several Columns.
type Run interface {
	// Columns starts a result. A nil Layout means that the server did not
	// describe its columns (COPY). ch is ChannelRow or ChannelCopy. A nil Rows
	// means that there is nothing to watch and rows need not be shown.
	Columns(ch event.Channel, l Layout) (Rows, event.Verdict)
	// Stream takes bytes that cannot be shown as rows, in order: a row larger
	// than the buffer, COPY data whose rows cannot be told apart. A value may
	// be split over calls; end says that the row or the stream is over. n is
	// the number of rows returned so far.
	Stream(ch event.Channel, n uint64, data []byte, end bool) event.Verdict
	// Text takes text that the server sends during the run, such as an
	// error's fields.
	Text(ch event.Channel, text []byte) event.Verdict
	// Done ends the run: the rows that reached the client, and how it ended:
	// PostgreSQL's command tag, MySQL's "OK", or the SQLSTATE of the error that
	// the client has had. MySQL's syntax errors share theirs (42000) with much
	// else: their code is the error's number, "1064". Empty: the session ended
	// first, or the server dropped the run because of an error before it. The Run and its Rows must not be used afterwards.
	Done(rows uint64, code string)
}

// Rows watches the rows of one result.
type Rows interface {
	// Suspect reports whether a watched value of MinPart bytes or more stands
	// anywhere in region, in clear or in a disguise of the same text (other
	// letters, backwards, escapes, hexadecimal digits, base64, UTF-16, separators,
	// hexadecimal digests): any number of whole rows, with their framing. False
	// proves that there is none. No disguise makes a value shorter than MinPart
	// bytes, digests apart, which have 32 digits and more. Digests in binary and
	// values in pieces are seen by Row only, in columns that it Wants. It
	// allocates nothing, but for a hit, and changes nothing.
	Suspect(region []byte) bool
	// Gate says which fields Row must see even in an unsuspected region: bit i
	// stands for fields of i bytes, bit 63 for 63 and more.
	Gate() uint64
	// Wants reports whether Row must see column col whatever its length.
	Wants(col int) bool
	// Row is shown the nth row (from 1) with those of its fields that Gate and
	// Wants select, or with all of them if the region was suspect. It
	// allocates only on a hit. A field that can be read in two ways may be shown
	// twice, and so may a row whose end has not come yet: the second time with the
	// fields behind. The heading of a COPY is shown as if it were the row behind it.
	Row(n uint64, row []byte, fields []Span) event.Verdict
}
