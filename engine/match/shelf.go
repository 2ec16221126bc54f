package match

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// shelf keeps the tokens packed, some 60 bytes each where token.Token takes 400
// with its strings: what many share is kept once, the text of a value with the
// values, and identifiers that are UUIDs in 16 bytes. A token is unpacked on a
// hit.
type shelf struct {
	traits []uint8  // by token
	at     []uint32 // by token: where its record begins
	recs   []byte
	common []common
	rowAt  []uint32 // by honey row: where its identifier begins in rowIDs
	rowIDs []byte
}

// common is what many tokens share.
type common struct {
	kind                  string
	place                 event.Place // without key
	oid                   uint32
	attr                  uint16
	deployment, plantedBy string
	copy, owner           string
	plantedAt             time.Time
	state                 token.State
	until                 time.Time // zero, but for a value that was replaced
}

// Traits are what must be known of a token without unpacking it.
type Traits struct {
	Strength token.Strength
	Key      bool
}

const (
	traitKey    = 1 << 7
	traitOwnRow = 1 << 6 // the token is in no row
	strengths   = traitOwnRow - 1
)

// Traits returns what token i counts for. It allocates nothing.
func (x *Index) Traits(i uint32) Traits {
	t := x.shelf.traits[i]
	return Traits{token.Strength(t & strengths), t&traitKey != 0}
}

// Kinds of identifiers.
const (
	idText = iota
	idUUID // the digits of a canonical one, in binary
)

func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendID(dst []byte, id event.ID) []byte {
	if u := uuidBinary(string(id)); u != nil && uuidText(u) == string(id) {
		return append(append(dst, idUUID), u...)
	}
	return appendText(append(dst, idText), id)
}

func uuidText(u []byte) string {
	h := hex.EncodeToString(u)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Text returns the text of token i, as planted. It allocates nothing; the bytes
// belong to the index.
func (x *Index) Text(i uint32) []byte {
	u := unpacker{x.shelf.recs[x.shelf.at[i]:]}
	u.number()
	u.skipID()
	return x.text(&u)
}

func (x *Index) text(u *unpacker) []byte {
	if v := u.number(); v > 0 {
		return x.bytes(uint32(v - 1))
	}
	return u.bytes(u.number())
}

// put packs the tokens. The index's values and rows are there.
func (s *shelf) put(x *Index, ts []token.Token) {
	s.traits, s.at = make([]uint8, len(ts)), make([]uint32, len(ts))
	s.recs = make([]byte, 0, 40*len(ts))
	values := x.textOf(ts)
	ids := map[common]uint64{}
	for i := range ts {
		t := &ts[i]
		s.traits[i] = uint8(t.Strength) & strengths
		if t.Key {
			s.traits[i] |= traitKey
		}
		if t.Row == "" {
			s.traits[i] |= traitOwnRow
		}
		c := common{t.Kind, t.Place, t.TableOID, t.Attr, t.Deployment, t.PlantedBy, t.Copy, t.Owner, t.PlantedAt, t.State, t.Until}
		c.place.Key = ""
		n, ok := ids[c]
		if !ok {
			n = uint64(len(s.common))
			ids[c] = n
			s.common = append(s.common, c)
		}
		s.at[i] = uint32(len(s.recs))
		r := binary.AppendUvarint(s.recs, n)
		if r = appendID(r, t.ID); values[i] > 0 {
			r = binary.AppendUvarint(r, uint64(values[i]))
		} else {
			r = appendText(append(r, 0), t.Value)
		}
		if t.Binary == nil {
			r = append(r, 0)
		} else {
			r = append(binary.AppendUvarint(r, uint64(len(t.Binary))+1), t.Binary...)
		}
		r = appendText(appendText(r, t.Place.Key), t.Note)
		r = binary.AppendVarint(r, t.Among)
		if t.ChangedAt.IsZero() {
			r = append(r, 0)
		} else {
			r = binary.AppendVarint(append(r, 1), t.ChangedAt.Sub(t.PlantedAt).Microseconds())
		}
		s.recs = r
	}
	s.rows(x, ts)
}

// rows keeps the identifiers of the honey rows.
func (s *shelf) rows(x *Index, ts []token.Token) {
	s.rowAt = make([]uint32, len(x.rowFrom))
	s.rowIDs = make([]byte, 0, 17*len(s.rowAt))
	for r := range len(x.rowFrom) - 1 {
		s.rowAt[r] = uint32(len(s.rowIDs))
		if t := &ts[x.rowToks[x.rowFrom[r]]]; t.Row != "" {
			s.rowIDs = appendID(s.rowIDs, t.Row)
		}
	}
}

// textOf returns the number of each token's text among the values, counted from
// 1; 0 where it is none of them.
func (x *Index) textOf(ts []token.Token) []uint32 {
	out := make([]uint32, len(ts))
	for v := range x.vals {
		for _, r := range x.Refs(Value(v)) {
			if r.Form == Text && string(x.bytes(uint32(v))) == ts[r.Token].Value {
				out[r.Token] = uint32(v) + 1
			}
		}
	}
	return out
}

// unpacker reads a record.
type unpacker struct{ b []byte }

func (u *unpacker) number() uint64 {
	n, k := binary.Uvarint(u.b)
	u.b = u.b[k:]
	return n
}

func (u *unpacker) bytes(n uint64) []byte {
	b := u.b[:n]
	u.b = u.b[n:]
	return b
}

func (u *unpacker) id() event.ID {
	if u.number() == idUUID {
		return event.ID(uuidText(u.bytes(16)))
	}
	return event.ID(u.bytes(u.number()))
}

func (u *unpacker) skipID() {
	if u.number() == idUUID {
		u.bytes(16)
		return
	}
	u.bytes(u.number())
}

// Token unpacks token i: it allocates. The token is the caller's.
func (x *Index) Token(i uint32) *token.Token {
	s := &x.shelf
	u := unpacker{s.recs[s.at[i]:]}
	c := &s.common[u.number()]
	traits := x.Traits(i)
	t := &token.Token{
		Kind: c.kind, Strength: traits.Strength, Key: traits.Key, Place: c.place, TableOID: c.oid, Attr: c.attr,
		Deployment: c.deployment, PlantedBy: c.plantedBy, Copy: c.copy, Owner: c.owner, PlantedAt: c.plantedAt, State: c.state, Until: c.until,
	}
	t.ID = u.id()
	if s.traits[i]&traitOwnRow == 0 {
		row := unpacker{s.rowIDs[s.rowAt[x.rowOf[i]]:]}
		t.Row = row.id()
	}
	t.Value = string(x.text(&u))
	if n := u.number(); n > 0 {
		t.Binary = append([]byte{}, u.bytes(n-1)...)
	}
	t.Place.Key = string(u.bytes(u.number()))
	t.Note = string(u.bytes(u.number()))
	n, k := binary.Varint(u.b)
	t.Among, u.b = n, u.b[k:]
	if u.number() > 0 {
		d, _ := binary.Varint(u.b)
		t.ChangedAt = t.PlantedAt.Add(time.Duration(d) * time.Microsecond)
	}
	return t
}

func (s *shelf) size() int {
	return len(s.traits) + 4*len(s.at) + len(s.recs) + 250*len(s.common) + 4*len(s.rowAt) + len(s.rowIDs)
}
