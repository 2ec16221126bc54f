// Package sweep finds planted values in a dump, a paste or any other stream, of
// any size, with the matcher that the proxy has: plain, in other letters,
// escaped, in hexadecimal digits, base64 and the other disguises. It holds the
// index of the tokens and a window of a megabyte.
package sweep

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"

	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/token"
)

const (
	window = 1 << 20 // bytes that are looked at together
	// carry is how much of a window is looked at again with the next one: what
	// is hidden in more, such as a compressed value, is found only if it does not
	// lie across the seam.
	carry = 64 << 10
	// near is how many bytes apart weak values of one honey row may stand to
	// count together: about a row of a dump.
	near = 512
)

// Finding is a planted value that stands in the stream.
type Finding struct {
	Token  event.ID `json:"token"`
	Line   int64    `json:"line"`   // from 1
	Offset int64    `json:"offset"` // in bytes, from 0, of what was decompressed
	Length int      `json:"length"` // of what stands there, in bytes
	// Means says how it was recognised, as alerts do: "part", "field",
	// "disguised", or "together" with weak values of the same row close by.
	Means    string     `json:"means"`
	Disguise string     `json:"disguise,omitempty"`
	With     []event.ID `json:"with,omitempty"` // for "together": the others
}

// Stats tell what was looked at.
type Stats struct {
	Bytes    int64  `json:"bytes"` // decompressed
	Lines    int64  `json:"lines"`
	Findings int64  `json:"findings"`
	Packed   string `json:"compressed,omitempty"` // "gzip", "zstd", "bzip2"
	// Warning says why the stream may hold more than could be seen.
	Warning string `json:"warning,omitempty"`
}

// Scanner looks for the values of a set of tokens. It is for one stream at a
// time.
type Scanner struct{ x *match.Index }

// New compiles the tokens, in whatever state they are. It keeps nothing of ts,
// whose states it clears: the matcher leaves out those that are not watched.
func New(ts []token.Token) *Scanner {
	for i := range ts {
		ts[i].State = ""
	}
	return &Scanner{match.Compile(&token.Snapshot{Tokens: ts})}
}

// Scan reads r to its end, decompressed if it is compressed as a whole, and
// calls found for each value in order, until found or r returns an error.
func (s *Scanner) Scan(ctx context.Context, r io.Reader, found func(Finding) error) (Stats, error) {
	w := &walk{x: s.x, found: found, line: 1, weak: map[uint32][]spot{}, told: map[uint32]int64{}}
	in, err := w.unpack(r)
	if err != nil {
		return w.stats, err
	}
	buf := make([]byte, 0, window+carry)
	for old, end := 0, false; !end; {
		if err := ctx.Err(); err != nil {
			return w.stats, err
		}
		had := len(buf)
		var err error
		// Not io.ReadFull: a compressed stream that is cut short ends with the
		// error by which that tells of the end.
		for err == nil && len(buf) < cap(buf) {
			var n int
			n, err = in.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
		}
		w.stats.Bytes += int64(len(buf) - had)
		if end = err == io.EOF; err != nil && !end {
			return w.stats, fmt.Errorf("read after %d bytes: %w", w.stats.Bytes, err)
		}
		w.members(buf)
		if err := w.window(buf, old); err != nil {
			return w.stats, err
		}
		keep := min(carry, len(buf))
		gone := len(buf) - keep
		w.line += int64(bytes.Count(buf[:gone], []byte{'\n'}))
		w.base += int64(gone)
		copy(buf, buf[gone:])
		buf, old = buf[:keep], keep
	}
	w.stats.Lines = w.line + int64(bytes.Count(buf, []byte{'\n'}))
	if n := len(buf); n > 0 && buf[n-1] == '\n' || w.stats.Bytes == 0 {
		w.stats.Lines--
	}
	return w.stats, nil
}

// unpack recognises compression by the first bytes, also of what was compressed twice.
func (w *walk) unpack(r io.Reader) (io.Reader, error) {
	for range layers {
		b := bufio.NewReaderSize(r, 1<<16)
		head, err := b.Peek(tarMark + len(ustar))
		if err != nil && err != io.EOF {
			return nil, err
		}
		switch {
		case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
			w.stats.Packed = "gzip"
			r, err = gzip.NewReader(b)
		case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			w.stats.Packed = "zstd"
			r, err = zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		case bytes.HasPrefix(head, []byte("BZh")):
			w.stats.Packed = "bzip2"
			r, err = bzip2.NewReader(b), nil
		default:
			w.stats.Warning = closed(head)
			w.tar = len(head) > tarMark && string(head[tarMark:]) == ustar
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("it is compressed more than %d times: unpack it first", layers)
}

const (
	layers  = 4 // a file that unpacks to itself must not keep us
	tarMark = 257
	ustar   = "ustar"
	block   = 512 // of a tar archive
)

// closed says why what begins so can't be looked into, "" if it can.
func closed(head []byte) string {
	for _, c := range []struct{ begins, why string }{
		{"PGDMP", "a custom-format dump of pg_dump, whose rows are compressed in pieces: pipe it through `pg_restore -f -` first"},
		{"PK\x03\x04", "a zip archive: unpack it first"},
		{"\xfd7zXZ", "compressed with xz: pipe it through `xz -dc` first"},
		{"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
		{"Rar!\x1a\x07", "a RAR archive: unpack it first"},
		{"\x04\x22\x4d\x18", "compressed with lz4: pipe it through `lz4 -dc` first"},
		{"PAR1", "a Parquet file, whose columns are compressed: write it as CSV first"},
		{"Obj\x01", "an Avro file, whose blocks may be compressed: write it as JSON first"},
		{"Salted__", "encrypted with openssl: decrypt it first"},
		{"-----BEGIN PGP MESSAGE", "encrypted with PGP: decrypt it first"},
		{"age-encryption.org/", "encrypted with age: decrypt it first"},
	} {
		if bytes.HasPrefix(head, []byte(c.begins)) {
			return "it is " + c.why
		}
	}
	return ""
}

// members warns of what a tar archive holds that can't be looked into: each file in it
// begins with a block.
func (w *walk) members(b []byte) {
	for ; w.tar && w.stats.Warning == "" && w.base+int64(len(b)) >= w.next+32; w.next += block {
		head := b[max(w.next-w.base, 0):]
		why := closed(head)
		for _, begins := range []string{"\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "BZh"} {
			if bytes.HasPrefix(head, []byte(begins)) {
				why = "it is compressed: unpack the archive, then scan its files"
			}
		}
		if why != "" {
			w.stats.Warning = fmt.Sprintf("of a file in the tar archive, at byte %d: %s", w.next, why)
		}
	}
}

// walk is the state of one scan.
type walk struct {
	x     *match.Index
	found func(Finding) error
	stats Stats
	base  int64 // where the window begins in the stream
	line  int64 // the number of the window's first line
	hits  []hit // of the window
	weak  map[uint32][]spot
	told  map[uint32]int64 // by honey row: where weak values were last told of
	tar   bool             // the stream is a tar archive
	next  int64            // its next block that was not looked at
}

// hit is one value in the window.
type hit struct {
	value   match.Value
	at, end int
	as      match.Disguise
	apart   bool
	field   bool
}

// spot is a weak value that was seen.
type spot struct {
	token uint32
	at    int64
}

// window looks at b, of which the first old bytes were looked at before.
func (w *walk) window(b []byte, old int) error {
	w.hits = w.hits[:0]
	w.x.Sights(b, func(s match.Sight) bool {
		if s.End > old {
			w.hits = append(w.hits, hit{s.Value, s.At, s.End, s.As, s.Apart, false})
		}
		return true
	})
	w.fields(b, old)
	// One place may be seen in several ways: the plainest comes first.
	slices.SortStableFunc(w.hits, func(a, b hit) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return int(a.as) - int(b.as)
	})
	at, line := 0, w.line
	var before hit
	for i, h := range w.hits {
		if i > 0 && h.value == before.value && h.at < before.end {
			continue
		}
		before = h
		line += int64(bytes.Count(b[at:h.at], []byte{'\n'}))
		at = h.at
		if err := w.judge(h, line); err != nil {
			return err
		}
	}
	return nil
}

// parting are the bytes between fields of CSV, COPY, INSERT and JSON.
var parting = func() (t [256]bool) {
	for _, c := range []byte("\t\n\r,;|'\"()[]{}<>=:\x00") {
		t[c] = true
	}
	return t
}()

// fields looks for values that count only as whole fields.
func (w *walk) fields(b []byte, old int) {
	gate := w.x.Gate(false, true)
	if gate == 0 {
		return
	}
	from := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && !parting[b[i]] {
			continue
		}
		if i > from && i >= old {
			f := b[from:i]
			lead := len(f) - len(bytes.TrimLeft(f, " "))
			if f = bytes.Trim(f, " "); gate>>min(len(f), 63)&1 != 0 {
				if v, ok := w.x.Whole(f); ok && from+lead+len(f) > old {
					w.hits = append(w.hits, hit{v, from + lead, from + lead + len(f), match.Plain, true, true})
				}
			}
		}
		from = i + 1
	}
}

// judge tells of a hit what it proves.
func (w *walk) judge(h hit, line int64) error {
	for _, r := range w.x.Refs(h.value) {
		t := w.x.Traits(r.Token)
		f := Finding{Line: line, Offset: w.base + int64(h.at), Length: h.end - h.at, Means: "part", Disguise: h.as.String()}
		switch {
		case t.Key:
			continue
		case f.Disguise != "":
			f.Means = "disguised"
		case h.field:
			f.Means = "field"
		}
		switch {
		case t.Strength == token.Strong && (h.field || w.x.Anywhere(h.value)), t.Strength == token.Firm && h.apart:
		case t.Strength == token.Weak && h.apart && h.as == match.Plain:
			if f.With = w.together(r.Token, f.Offset); len(f.With) == 0 {
				continue
			}
			f.Means = "together"
		default:
			continue
		}
		f.Token = w.x.Token(r.Token).ID
		w.stats.Findings++
		if err := w.found(f); err != nil {
			return err
		}
	}
	return nil
}

// together notes a weak value and returns the others of its honey row that
// stand close before it, unless they were told of already.
func (w *walk) together(tok uint32, at int64) (with []event.ID) {
	row := w.x.RowOf(tok)
	spots := slices.DeleteFunc(w.weak[row], func(s spot) bool { return at-s.at > near || s.token == tok })
	told, ok := w.told[row]
	if !ok || at-told > near {
		for _, s := range spots {
			if string(w.x.Text(s.token)) != string(w.x.Text(tok)) {
				with = append(with, w.x.Token(s.token).ID)
			}
		}
	}
	w.weak[row] = append(spots, spot{tok, at})
	if len(with) > 0 {
		w.told[row] = at
	}
	return with
}
