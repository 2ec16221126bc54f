package match

import (
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/token"
)

// Value numbers a distinct byte string of an Index.
type Value uint32

// Form is how a byte string stands for a token.
type Form uint8

// The forms.
const (
	Text    Form = 1 << iota // the token's text
	Binary                   // one of its binary forms
	Escaped                  // its text inside JSON, COPY or SQL; counts as a part only
)

// Ref is one token that a byte string stands for.
type Ref struct {
	Token uint32 // see Index.Token
	Form  Form
}

// flags of a value.
const (
	anywhere uint8 = 1 << iota // a strong token: counts inside longer text
	free                       // a token that is no key: counts outside its own column
	veiled                     // a strong token's text: counts in a disguise
	special                    // escapes may change it, not its gram
	hashed                     // a strong token's text: counts as a digest
)

type value struct {
	off, n uint32 // data[off:off+n]
	ref    uint32 // refs[ref:ref+nref]
	nref   uint32
	flags  uint8
}

// Index is everything to look for at one version of the registry. It is
// immutable and safe for any number of goroutines. It holds the tokens packed, and
// nothing of the snapshot that it was made from.
//
// Figures with random strong tokens of 12 to 36 bytes over 1 MiB of DataRow
// messages (27 bytes a field, no hits, regions of 16 KiB; best of 100 passes on
// one core of a busy 2-core EPYC VM; BenchmarkSuspect and BenchmarkCompile):
//
//	tokens       Suspect      memory a token    Compile
//	1,000        2,230 MB/s   122 B               2 ms
//	10,000       1,860 MB/s   111 B              16 ms
//	100,000        710 MB/s   110 B             230 ms
//	1,000,000      760 MB/s   105 B             2.9 s
//
// The memory is what the heap grows by beside the snapshot. These are of before
// disguises. With them and with the tokens themselves, packed (shelf.go), it is
// about 205 bytes a token. What they cost on ordinary data is in
// docs/performance.md; taken before that was halved, on a quieter machine, in ns a
// byte, clear values alone (any case, both directions) and all:
//
//	10,000 tokens     clear   all      1,000,000 tokens   clear   all
//	prose              0.77   1.58     words without end   1.99  3.58
//	numbers            0.65   1.40
//	random bytes       0.63   1.32
//	JSON               0.63   1.69
//	URLs               0.59   1.68
//	base64 of bytes    0.68   2.48
//	SHA-256 in hex     0.69   5.39
//	uuids              0.66   5.05
//	JSON web tokens    0.75   12.5
type Index struct {
	version uint64
	shelf   shelf
	rowOf   []uint32 // by token: its honey row
	rowFrom []uint32 // by honey row: where its tokens begin in rowToks
	rowToks []uint32
	placeOf []uint32 // by token: its place's column
	homes   []uint8  // by place's column: how many table numbers it has

	data  []byte
	vals  []value
	refs  []Ref
	parts parts
	whole set  // values with a token that is no key
	clear bool // see CompileClear

	// digests of strong tokens' texts.
	digests digests

	// Lengths, as Gate bits, of values that are looked for only as whole fields:
	// those that prove something by themselves, and weak ones.
	firmText, firmBin, weakText, weakBin uint64

	tables  map[TableName]struct{}
	columns map[columnKey]*Column
	named   map[Name]*Column
}

// Scope is where table OIDs mean something.
type Scope struct{ Server, Database string }

type columnKey struct {
	Scope
	oid  uint32
	attr uint16
}

// TableName names a table that holds honey rows, without its schema, all in
// lower case: statements need not name one.
type TableName struct{ Server, Database, Table string }

// Table reports whether a table of that name, in any schema, holds honey rows.
func (x *Index) Table(n TableName) bool {
	_, ok := x.tables[n]
	return ok
}

// Name is where the names in a result's column definition mean something:
// MySQL tells no numbers. It is a place without a schema.
type Name struct{ Server, Database, Table, Column string }

// Column holds the values planted in one column known by provenance.
type Column struct {
	set    set
	places []uint32
	wants  bool
	n      int
}

// Version returns the snapshot's version.
func (x *Index) Version() uint64 { return x.version }

// Clear reports whether the index was made by CompileClear.
func (x *Index) Clear() bool { return x.clear }

// Empty reports whether there is nothing to look for.
func (x *Index) Empty() bool { return len(x.vals) == 0 }

// Tokens returns the number of tokens.
func (x *Index) Tokens() int { return len(x.shelf.traits) }

// MaxPart returns the length of the longest value as looked for inside text;
// a stream must carry one byte less.
func (x *Index) MaxPart() int { return x.parts.maxLen }

// Row returns the tokens of the honey row that token i belongs to.
func (x *Index) Row(i uint32) []uint32 {
	r := x.rowOf[i]
	return x.rowToks[x.rowFrom[r]:x.rowFrom[r+1]]
}

// RowOf returns the number of the honey row that token i belongs to.
func (x *Index) RowOf(i uint32) uint32 { return x.rowOf[i] }

// Refs returns the tokens that v stands for.
func (x *Index) Refs(v Value) []Ref {
	d := &x.vals[v]
	return x.refs[d.ref : d.ref+d.nref]
}

// Len returns the length of v in bytes.
func (x *Index) Len(v Value) int { return int(x.vals[v].n) }

// Anywhere reports whether v counts inside longer text.
func (x *Index) Anywhere(v Value) bool { return x.vals[v].flags&anywhere != 0 }

func (x *Index) bytes(v uint32) []byte {
	d := &x.vals[v]
	return x.data[d.off : d.off+d.n : d.off+d.n]
}

// part is what of a value is compared inside longer text.
func (x *Index) part(v uint32) []byte {
	b := x.bytes(v)
	return b[:min(len(b), maxPart)]
}

// Whole returns the value of any token but keys that equals the field b.
func (x *Index) Whole(b []byte) (Value, bool) {
	v, ok := x.whole.find(x, b)
	return Value(v), ok
}

// Gate returns the lengths of fields that can be values which Suspect does not
// see: bit i stands for i bytes, bit 63 for 63 and more. binary adds binary
// forms; weak adds values that prove something only together with others.
func (x *Index) Gate(binary, weak bool) uint64 {
	g := x.firmText
	if binary {
		g |= x.firmBin
	}
	if weak {
		g |= x.weakText
		if binary {
			g |= x.weakBin
		}
	}
	return g
}

// Column returns what is planted in the column with PostgreSQL's numbers, or nil.
func (x *Index) Column(s Scope, oid uint32, attr uint16) *Column {
	if oid == 0 {
		return nil
	}
	return x.columns[columnKey{s, oid, attr}]
}

// Named returns what is planted in the column of that name, or nil.
func (x *Index) Named(n Name) *Column {
	if n.Table == "" || n.Column == "" { // an expression
		return nil
	}
	return x.named[n]
}

// Whole returns the value of a token of this column, keys included, that
// equals the field b.
func (c *Column) Whole(x *Index, b []byte) (Value, bool) {
	v, ok := c.set.find(x, b)
	return Value(v), ok
}

// Wants reports whether the column's fields must be looked at whatever their
// length: it holds keys, or values that are not looked for elsewhere.
func (c *Column) Wants() bool { return c.wants }

// Holds reports whether token i is planted in this column.
func (c *Column) Holds(x *Index, i uint32) bool {
	for _, p := range c.places {
		if p == x.placeOf[i] {
			return true
		}
	}
	return false
}

// Homes returns under how many table and column numbers the place of token i is
// known, 255 at most.
func (x *Index) Homes(i uint32) int { return int(x.homes[x.placeOf[i]]) }

// Size estimates the bytes that the index holds, the tokens included.
func (x *Index) Size() int {
	n := len(x.data) + 20*len(x.vals) + 8*len(x.refs) + x.whole.size() + x.shelf.size()
	n += 4 * (len(x.rowOf) + len(x.rowFrom) + len(x.rowToks) + len(x.placeOf))
	n += 8*(len(x.parts.filter)+len(x.parts.grams)) + 8*len(x.parts.table) + 4*len(x.parts.value) + 2*len(x.parts.off) + 8*(len(x.digests.slots)+len(x.digests.filter))
	for _, c := range x.columns {
		n += c.set.size()
	}
	for _, c := range x.named {
		n += c.set.size()
	}
	return n
}

// rowName is the honey row of a token; a token without one is its own row.
func rowName(t *token.Token) event.ID {
	if t.Row != "" {
		return t.Row
	}
	return t.ID
}

// short reports whether a value of n bytes is looked for only as a whole field.
func short(n int) bool { return n < inspect.MinPart }

// Is reports whether field is a form of token i. It may allocate.
func (x *Index) Is(i uint32, field []byte) bool {
	if len(field) == 0 {
		return false
	}
	t := x.Token(i)
	if string(field) == t.Value {
		return true
	}
	for _, f := range binaryForms(t) {
		if string(f) == string(field) {
			return true
		}
	}
	return string(field) == floatForm(t)
}
