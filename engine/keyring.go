package engine

import (
	"bytes"
	"encoding/hex"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"honeyrow/engine/match"
	"honeyrow/token"
)

// keyring knows the honey rows by their primary keys, and the decoy tables: what
// a statement can ask for by name, whatever comes back. It is made with each
// index and is immutable.
type keyring struct {
	x      *match.Index
	tables map[match.TableName]*keyTable
	seed   maphash.Seed
}

// keyTable is one table with honey rows, in whatever schema.
type keyTable struct {
	label   string   // database.table
	columns []string // of keys, lower case
	// single has the keys of one column, by keyring.hash.
	single map[uint64]uint32
	// parts has the columns of longer keys: which of rows has the value there.
	parts map[uint64][]int32
	rows  []keyRow
	decoy int64 // the token of the table; -1: none
}

// keyRow is a honey row with a key of several columns.
type keyRow struct {
	tok     uint32
	columns int
}

// maxKey bounds a key's column in bytes.
const maxKey = 256

func newKeyring(x *match.Index, s *token.Snapshot) *keyring {
	k := &keyring{x: x, tables: map[match.TableName]*keyTable{}, seed: maphash.MakeSeed()}
	done := map[string]bool{} // rows with a key of several columns
	for i := range s.Tokens {
		t := &s.Tokens[i]
		if t.State != "" && !t.State.Watched() {
			continue
		}
		name := match.TableName{Server: t.Place.Server, Database: strings.ToLower(t.Place.Database), Table: strings.ToLower(t.Place.Table)}
		table := k.tables[name]
		if table == nil {
			table = &keyTable{label: name.Database + "." + name.Table, decoy: -1}
			k.tables[name] = table
		}
		switch {
		case t.Kind == token.DecoyTable:
			table.decoy = int64(i)
		case t.Key:
			k.single(table, t, uint32(i))
		case strings.Contains(t.Place.Key, ", ") && !done[string(t.Row)]:
			done[string(t.Row)] = true
			k.several(table, t, uint32(i))
		}
	}
	return k
}

func (k *keyring) single(table *keyTable, t *token.Token, i uint32) {
	column := strings.ToLower(t.Place.Column)
	if table.single == nil {
		table.single = map[uint64]uint32{}
	}
	if !slices.Contains(table.columns, column) {
		table.columns = append(table.columns, column)
	}
	var buf [maxKey]byte
	table.single[k.hash(column, canonical(buf[:0], []byte(t.Value)))] = i
}

// several files a key that is written "order_id=5, line=2".
func (k *keyring) several(table *keyTable, t *token.Token, i uint32) {
	parts := strings.Split(t.Place.Key, ", ")
	row := int32(len(table.rows))
	var hashes []uint64
	for _, p := range parts {
		column, value, ok := strings.Cut(p, "=")
		if !ok || value == "" {
			return
		}
		column = strings.ToLower(column)
		if !slices.Contains(table.columns, column) {
			table.columns = append(table.columns, column)
		}
		hashes = append(hashes, k.hash(column, canonical(nil, []byte(value))))
	}
	if table.parts == nil {
		table.parts = map[uint64][]int32{}
	}
	for _, h := range hashes {
		table.parts[h] = append(table.parts[h], row)
	}
	table.rows = append(table.rows, keyRow{i, len(parts)})
}

func (k *keyring) hash(column string, value []byte) uint64 {
	return maphash.String(k.seed, column)*0x9e3779b97f4a7c15 ^ maphash.Bytes(k.seed, value)
}

// find returns the token of the honey row whose key of one column the value is,
// or the rows of which it is a part of the key.
func (t *keyTable) find(k *keyring, column string, value []byte) (tok uint32, ok bool, rows []int32) {
	if len(value) == 0 || len(value) > maxKey {
		return 0, false, nil
	}
	var buf [maxKey]byte
	h := k.hash(column, canonical(buf[:0], value))
	tok, ok = t.single[h]
	return tok, ok, t.parts[h]
}

// canonical appends the form in which keys are compared: integers without sign
// and leading zeros, identifiers of 128 bits as their digits, letters small.
func canonical(dst, v []byte) []byte {
	v = bytes.TrimSpace(v)
	if minus, n := wholeNumber(v); n != nil {
		if minus {
			dst = append(dst, '-')
		}
		return append(dst, n...)
	}
	v = bytes.TrimSuffix(bytes.TrimPrefix(v, []byte("{")), []byte("}"))
	dashes := len(v) == 36 && v[8] == '-' && v[13] == '-' && v[18] == '-' && v[23] == '-'
	for _, c := range v {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != '-' || !dashes {
			dst = append(dst, c)
		}
	}
	return dst
}

// wholeNumber returns the sign and the digits of a whole number; nil: it is none.
func wholeNumber(v []byte) (minus bool, digits []byte) {
	digits = bytes.TrimPrefix(v, []byte("+"))
	minus = len(digits) > 0 && digits[0] == '-'
	if minus {
		digits = digits[1:]
	}
	if whole, zeros, ok := bytes.Cut(digits, []byte(".")); ok && len(bytes.Trim(zeros, "0")) == 0 {
		digits = whole
	}
	if len(digits) == 0 {
		return false, nil
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false, nil
		}
	}
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return minus, digits
}

// maxMembers bounds how many members of an array are looked at.
const maxMembers = 1024

// keys reads the keys that a bound value holds: itself, or the members of an
// array of one dimension. PostgreSQL's arrays in binary format have the number of
// dimensions, flags, type, length and lower bound, then each member with its
// length (array_send).
type keys struct {
	rest   []byte
	typ    uint32
	binary bool
	array  bool
	n      int
	digits [48]byte
}

func readKeys(b []byte, typ uint32, binary bool) keys {
	k := keys{rest: b, typ: typ, binary: binary}
	switch {
	case binary && !isTextType(typ) && len(b) >= 20 && be32(b) == 1 && be32(b[4:]) <= 1:
		k.array, k.typ, k.rest = true, be32(b[8:]), b[20:]
	case !binary && len(b) > 2 && b[0] == '{' && b[len(b)-1] == '}':
		k.array, k.rest = true, b[1:len(b)-1]
	}
	return k
}

// next returns the next key, which is valid until the one after; nil at the end.
func (k *keys) next() []byte {
	for k.n < maxMembers && (len(k.rest) > 0 || k.n == 0 && !k.array) {
		k.n++
		switch {
		case !k.array:
			b := k.rest
			k.rest = nil
			return k.decoded(b)
		case !k.binary:
			member, more, _ := bytes.Cut(k.rest, []byte(","))
			k.rest = more
			return bytes.Trim(member, `" `)
		case len(k.rest) < 4:
			return nil
		}
		size := int32(be32(k.rest))
		k.rest = k.rest[4:]
		if size < 0 { // NULL
			continue
		}
		if int(size) > len(k.rest) {
			return nil
		}
		member := k.rest[:size]
		k.rest = k.rest[size:]
		return k.decoded(member)
	}
	return nil
}

// decoded returns a key as text.
func (k *keys) decoded(b []byte) []byte {
	switch {
	case !k.binary || isTextType(k.typ):
	case k.typ == uuidOID, k.typ == 0 && len(b) == 16:
		if len(b) == 16 {
			return hex.AppendEncode(k.digits[:0], b)
		}
	case len(b) == 2 || len(b) == 4 || len(b) == 8:
		return strconv.AppendInt(k.digits[:0], signed(b), 10)
	}
	return b
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func signed(b []byte) int64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return int64(n<<(64-8*len(b))) >> (64 - 8*len(b))
}
