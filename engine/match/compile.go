package match

import (
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"honeyrow/engine/match/huge"
	"honeyrow/event"
	"honeyrow/token"
)

// builder collects what Compile learns before it is laid out flat.
type builder struct {
	x      *Index
	tokens []token.Token
	ids    []uint32 // by hash: value + 1; 0 is empty
	todo   []pending
}

type pending struct {
	val uint32
	ref Ref
}

type placeKey struct{ server, database, schema, table, column string }

// CompileClear builds an index that finds values as they are, in any letters and
// backwards, but not in codes, digests and pieces: on a wide result it takes
// half to a tenth of the time (see index.go).
func CompileClear(s *token.Snapshot) *Index { return compile(s, true) }

// Compile builds the index of a snapshot. It keeps nothing of the snapshot.
// Tokens in states that are not watched and empty values are left out.
func Compile(s *token.Snapshot) *Index { return compile(s, false) }

func compile(s *token.Snapshot, clear bool) *Index {
	x := &Index{clear: clear, version: s.Version, tables: map[TableName]struct{}{}, columns: map[columnKey]*Column{}, named: map[Name]*Column{}}
	b := &builder{x: x, tokens: s.Tokens}
	b.room()
	for i := range s.Tokens {
		b.token(uint32(i))
	}
	b.flatten()
	b.rows()
	x.shelf.put(x, s.Tokens)
	b.places(s.Locations)
	b.lookups()
	x.advise()
	return x
}

// advise has the tables in huge pages that are looked into all over.
func (x *Index) advise() {
	huge.Advise(x.parts.filter)
	huge.Advise(x.parts.grams)
	huge.Advise(x.parts.table)
	huge.Advise(x.parts.value)
	huge.Advise(x.digests.filter)
	huge.Advise(x.digests.slots)
	huge.Advise(x.whole.filter)
	huge.Advise(x.whole.table)
	huge.Advise(x.vals)
	huge.Advise(x.data)
}

// room makes room for the values: about as many as there are tokens, and more
// for the binary forms of numbers.
func (b *builder) room() {
	n, size := len(b.tokens), 0
	for i := range b.tokens {
		size += len(b.tokens[i].Value) + len(b.tokens[i].Binary)
	}
	b.x.data = make([]byte, 0, size+size/8)
	b.x.vals = make([]value, 0, n+n/8)
	b.todo = make([]pending, 0, n+n/8)
	b.ids = make([]uint32, 1<<ceilLog(2*n+2))
}

// value returns the number of v, a new one if there is none yet.
func (b *builder) value(v []byte) uint32 {
	x := b.x
	if 2*len(x.vals) >= len(b.ids) {
		b.ids = make([]uint32, 2*len(b.ids))
		for id := range x.vals {
			*b.slot(x.bytes(uint32(id))) = uint32(id) + 1
		}
	}
	s := b.slot(v)
	if *s == 0 {
		x.vals = append(x.vals, value{off: uint32(len(x.data)), n: uint32(len(v))})
		x.data = append(x.data, v...)
		*s = uint32(len(x.vals))
	}
	return *s - 1
}

// slot returns where the number of v is, or belongs.
func (b *builder) slot(v []byte) *uint32 {
	mask := len(b.ids) - 1
	for i := int(hash(v)>>1) & mask; ; i = (i + 1) & mask {
		if s := &b.ids[i]; *s == 0 || string(b.x.bytes(*s-1)) == string(v) {
			return s
		}
	}
}

func watched(t *token.Token) bool { return t.State == "" || t.State.Watched() }

// token files all forms of token i.
func (b *builder) token(i uint32) {
	t := &b.tokens[i]
	if !watched(t) {
		return
	}
	b.form(i, []byte(t.Value), Text)
	bytes := bytesForms(t)
	for _, f := range bytes {
		b.form(i, f, Text)
	}
	b.form(i, []byte(floatForm(t)), Text)
	for _, f := range binaryForms(t) {
		if len(bytes) == 0 || string(f) != string(t.Binary) {
			b.form(i, f, Binary)
		}
	}
	if t.Strength == token.Strong && !t.Key {
		for _, f := range escapedForms(t.Value) {
			if !short(len(f)) {
				b.form(i, []byte(f), Escaped)
			}
		}
		if u := uuidBinary(t.Value); u != nil { // uuid_send(), HEX(), without its dashes
			b.form(i, hex.AppendEncode(nil, u), Escaped)
		}
	}
}

func (b *builder) form(i uint32, v []byte, f Form) {
	if len(v) == 0 {
		return
	}
	id := b.value(v)
	d := &b.x.vals[id]
	d.nref++
	t := &b.tokens[i]
	if !t.Key {
		d.flags |= free
		if t.Strength == token.Strong && f == Text {
			d.flags |= hashed
		}
		if t.Strength == token.Strong && !short(len(v)) {
			d.flags |= anywhere
			if f == Text {
				d.flags |= veiled
				if slices.ContainsFunc(v, func(c byte) bool { return !safe(c) }) {
					d.flags |= special
				}
			}
		}
	}
	b.todo = append(b.todo, pending{id, Ref{i, f}})
}

// flatten sorts the refs by value, by counting.
func (b *builder) flatten() {
	x := b.x
	at := uint32(0)
	for i := range x.vals {
		x.vals[i].ref = at
		at += x.vals[i].nref
		x.vals[i].nref = 0
	}
	x.refs = make([]Ref, at)
	for _, p := range b.todo {
		d := &x.vals[p.val]
		x.refs[d.ref+d.nref] = p.ref
		d.nref++
	}
	b.todo, b.ids = nil, nil
	x.data, x.vals = slices.Clone(x.data), slices.Clone(x.vals)
}

// rows groups the tokens by honey row.
func (b *builder) rows() {
	x := b.x
	x.rowOf = make([]uint32, len(b.tokens))
	ids := make(map[event.ID]uint32, len(b.tokens)/4)
	for i := range b.tokens {
		name := rowName(&b.tokens[i])
		r, ok := ids[name]
		if !ok {
			r = uint32(len(ids))
			ids[name] = r
		}
		x.rowOf[i] = r
	}
	x.rowFrom = make([]uint32, len(ids)+2)
	for _, r := range x.rowOf {
		x.rowFrom[r+2]++
	}
	for i := 2; i < len(x.rowFrom); i++ {
		x.rowFrom[i] += x.rowFrom[i-1]
	}
	x.rowToks = make([]uint32, len(b.tokens))
	for i, r := range x.rowOf {
		x.rowToks[x.rowFrom[r+1]] = uint32(i)
		x.rowFrom[r+1]++
	}
	x.rowFrom = x.rowFrom[:len(ids)+1]
}

// places numbers the columns that hold tokens and ties them to table OIDs, or
// to names where there is no schema.
func (b *builder) places(ls []token.Location) {
	x := b.x
	x.placeOf = make([]uint32, len(b.tokens))
	ids := map[placeKey]uint32{}
	where := map[uint32][]columnKey{}
	members := map[columnKey][]uint32{}
	put := func(p uint32, k columnKey) {
		if k.oid != 0 && k.attr != 0 && !slices.Contains(where[p], k) {
			where[p] = append(where[p], k)
		}
	}
	number := func(k placeKey) uint32 {
		p, ok := ids[k]
		if !ok {
			p = uint32(len(ids))
			ids[k] = p
		}
		return p
	}
	for _, l := range ls {
		p := number(placeKey{l.Server, l.Database, l.Schema, l.Table, l.Column})
		put(p, columnKey{Scope{l.Server, l.Database}, l.TableOID, l.Attr})
	}
	for i := range b.tokens {
		t := &b.tokens[i]
		p := number(placeKey{t.Place.Server, t.Place.Database, t.Place.Schema, t.Place.Table, t.Place.Column})
		x.placeOf[i] = p
		if watched(t) {
			x.tables[TableName{t.Place.Server, strings.ToLower(t.Place.Database), strings.ToLower(t.Place.Table)}] = struct{}{}
		}
		if t.TableOID != 0 {
			put(p, columnKey{Scope{t.Place.Server, t.Place.Database}, t.TableOID, t.Attr})
		}
	}
	vals := make(map[uint32][]uint32, len(ids)) // place -> values
	wants := make(map[uint32]bool, len(ids))
	for v := range x.vals {
		for _, r := range x.Refs(Value(v)) {
			if r.Form == Escaped {
				continue
			}
			p := x.placeOf[r.Token]
			if l := vals[p]; len(l) == 0 || l[len(l)-1] != uint32(v) {
				vals[p] = append(l, uint32(v))
			}
			if short(int(x.vals[v].n)) || b.tokens[r.Token].Key {
				wants[p] = true
			}
		}
	}
	for k, p := range ids {
		if k.schema == "" && k.table != "" && len(vals[p]) > 0 {
			x.named[Name{k.server, k.database, k.table, k.column}] = b.column(vals[p], p, wants[p])
		}
	}
	x.homes = make([]uint8, len(ids))
	for p, ks := range where {
		x.homes[p] = uint8(min(len(ks), 255))
		for _, k := range ks {
			c := x.columns[k]
			if c == nil {
				c = &Column{}
				x.columns[k] = c
			}
			c.places = append(c.places, p)
			c.wants = c.wants || wants[p]
			members[k] = append(members[k], vals[p]...)
		}
	}
	for k, vs := range members {
		slices.Sort(vs)
		vs = slices.Compact(vs)
		c := x.columns[k]
		c.n = len(vs)
		c.set = newSet(len(vs))
		for _, v := range vs {
			c.set.add(x, v)
		}
	}
}

// column holds the values of one place.
func (b *builder) column(vs []uint32, place uint32, wants bool) *Column {
	c := &Column{set: newSet(len(vs)), places: []uint32{place}, wants: wants, n: len(vs)}
	for _, v := range vs {
		c.set.add(b.x, v)
	}
	return c
}

// lookups builds the structures over all columns and the length gates.
func (b *builder) lookups() {
	x := b.x
	long, whole := make([]uint32, 0, len(x.vals)), make([]uint32, 0, len(x.vals))
	for i := range x.vals {
		d := &x.vals[i]
		if d.flags&free == 0 {
			continue
		}
		asField, inText := false, d.flags&anywhere != 0
		for _, r := range x.Refs(Value(i)) {
			if x.Traits(r.Token).Key {
				continue
			}
			asField = asField || r.Form != Escaped
			inText = inText || r.Form == Text
		}
		if short(int(d.n)) || !inText {
			// Long binary forms that count only as whole fields (numeric) are
			// gated too: their windows are mostly zeros, which all share.
			x.gate(Value(i))
		} else {
			long = append(long, uint32(i))
		}
		if asField {
			whole = append(whole, uint32(i))
		}
	}
	// Half of the time is in parts.
	var beside sync.WaitGroup
	beside.Go(func() {
		x.whole = newSet(len(whole))
		for _, v := range whole {
			x.whole.add(x, v)
		}
		if !x.clear {
			x.digests.build(x)
		}
	})
	x.parts.build(x, slices.Clone(long))
	beside.Wait()
}

// gate opens the length gates for v.
func (x *Index) gate(v Value) {
	bit := uint64(1) << min(x.Len(v), 63)
	for _, r := range x.Refs(v) {
		t := x.Traits(r.Token)
		if t.Key || r.Form == Escaped {
			continue
		}
		switch weak := t.Strength == token.Weak; {
		case weak && r.Form == Text:
			x.weakText |= bit
		case weak:
			x.weakBin |= bit
		case r.Form == Text:
			x.firmText |= bit
		default:
			x.firmBin |= bit
		}
	}
}
