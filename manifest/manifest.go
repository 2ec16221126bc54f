// Package manifest writes and reads the file by which one registry gives its
// tokens, values included, to another one: sealed to the other's address, and
// signed, so that only that one reads them and knows whose they are.
package manifest

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"honeyrow/token"
)

// Schema is the first line of a manifest. After it come
//
//	{"created":...}\n                  Header, readable by everybody
//	length (4 bytes, big endian), part as often as needed
//	0 (4 bytes)
//	signature (64 bytes)
//
// A part is deflated JSON (part), sealed in order by HPKE (RFC 9180, base mode)
// with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM; info is Schema
// and both addresses. The signature is Ed25519ph (RFC 8032) over all before it, with
// Schema as its context. Go's own library has both.
const Schema = "honeyrow.manifest/1"

// Header is what everybody can read who has the file.
type Header struct {
	Created time.Time `json:"created"`
	By      string    `json:"by"`    // user@host
	Owner   string    `json:"owner"` // what the registry calls itself
	From    string    `json:"from"`  // addresses
	To      string    `json:"to"`
	Note    string    `json:"note,omitempty"`
	// Sealed is HPKE's encapsulated key.
	Sealed []byte `json:"sealed"`
}

// part is what is sealed at once.
type part struct {
	Tokens    []entry          `json:"tokens,omitempty"`
	Locations []token.Location `json:"locations,omitempty"`
}

// entry is a token. Its value and its row's key need not be UTF-8.
type entry struct {
	token.Life
	Bytes  []byte `json:"bytes"`
	RowKey []byte `json:"row_key,omitempty"`
}

const (
	partTokens = 1000
	maxHeader  = 1 << 16
	maxPart    = 64 << 20 // bytes, sealed or not
)

func info(from, to Address) []byte {
	return append(append([]byte(Schema), from.b[:]...), to.b[:]...)
}

// Writer writes a manifest.
type Writer struct {
	w    io.Writer
	sum  hash.Hash
	id   *Identity
	to   *hpke.Sender
	part part
	zip  *flate.Writer
	n    int
}

// NewWriter begins a manifest from id to the given address. From, To and Sealed
// of the header are set here.
func NewWriter(w io.Writer, id *Identity, to Address, h Header) (*Writer, error) {
	key, err := to.seal()
	if err != nil {
		return nil, errNoAddress
	}
	m := &Writer{id: id, sum: sha512.New()}
	m.w = io.MultiWriter(w, m.sum)
	h.From, h.To = id.addr.String(), to.String()
	if h.Sealed, m.to, err = hpke.NewSender(key, hpke.HKDFSHA256(), hpke.AES256GCM(), info(id.addr, to)); err != nil {
		return nil, err
	}
	if m.zip, err = flate.NewWriter(nil, flate.BestSpeed); err != nil {
		return nil, err
	}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	_, err = m.w.Write(append(append([]byte(Schema+"\n"), line...), '\n'))
	return m, err
}

// Add files a token with its value.
func (m *Writer) Add(l *token.Life) error {
	m.n++
	e := entry{Life: *l, Bytes: []byte(l.Value), RowKey: []byte(l.Place.Key)}
	e.Value, e.Place.Key = "", ""
	if m.part.Tokens = append(m.part.Tokens, e); len(m.part.Tokens) < partTokens {
		return nil
	}
	return m.flush()
}

// Locate files where columns are.
func (m *Writer) Locate(ls []token.Location) { m.part.Locations = append(m.part.Locations, ls...) }

func (m *Writer) flush() error {
	var plain bytes.Buffer
	m.zip.Reset(&plain)
	if err := errors.Join(json.NewEncoder(m.zip).Encode(&m.part), m.zip.Close()); err != nil {
		return err
	}
	m.part = part{Tokens: m.part.Tokens[:0]}
	sealed, err := m.to.Seal(nil, plain.Bytes())
	if err != nil {
		return err
	}
	_, err = m.w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...))
	return err
}

// Close ends and signs the manifest. It returns how many tokens it holds.
func (m *Writer) Close() (int, error) {
	if err := m.flush(); err != nil {
		return m.n, err
	}
	if _, err := m.w.Write(make([]byte, 4)); err != nil {
		return m.n, err
	}
	sign, err := m.id.sign.Sign(nil, m.sum.Sum(nil), &ed25519.Options{Hash: crypto.SHA512, Context: Schema})
	if err == nil {
		_, err = m.w.Write(sign)
	}
	return m.n, err
}

// Manifest is a file whose signature is that of the registry that it names.
type Manifest struct {
	Header Header
	From   Address
	parts  [][]byte
	open   *hpke.Recipient
	places []token.Location
}

// Errors of Open; each says what to do.
var (
	ErrNoManifest = errors.New("it is no manifest, or one that was cut off: have it sent again (`honeyrow tokens manifest` writes one)")
	ErrTampered   = errors.New("its signature does not hold: it was altered after it was written; have it sent again, another way")
	ErrNotForUs   = errors.New("it is sealed to another registry's address: have it written to the one that `honeyrow tokens address` prints here")
	ErrOurs       = errors.New("it is from this very registry: there is nothing to merge")
)

// Open reads a whole manifest into memory and proves that the registry that it
// names has written it, to id. Whether that one is to be believed is the
// caller's to decide, before the tokens are asked for.
func Open(r io.Reader, id *Identity) (*Manifest, error) {
	b, err := io.ReadAll(io.LimitReader(r, 4<<30))
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	rest, ok := bytes.CutPrefix(b, []byte(Schema+"\n"))
	if first, _, whole := bytes.Cut(b[:min(len(b), 100)], []byte("\n")); !ok && whole && bytes.HasPrefix(first, []byte("honeyrow.manifest/")) {
		return nil, fmt.Errorf("it is a manifest of another version, this program reads %s: use the same release on both sides", Schema)
	}
	line, rest, cut := bytes.Cut(rest, []byte("\n"))
	if !ok || !cut || len(line) > maxHeader || json.Unmarshal(line, &m.Header) != nil {
		return nil, ErrNoManifest
	}
	for {
		if len(rest) < 4 {
			return nil, ErrNoManifest
		}
		n := int(binary.BigEndian.Uint32(rest))
		if rest = rest[4:]; n == 0 {
			break
		}
		if n > maxPart || n > len(rest) {
			return nil, ErrNoManifest
		}
		m.parts, rest = append(m.parts, rest[:n]), rest[n:]
	}
	if m.From, err = ParseAddress(m.Header.From); err != nil || len(rest) != ed25519.SignatureSize {
		return nil, ErrNoManifest
	}
	sum := sha512.Sum512(b[:len(b)-len(rest)])
	if ed25519.VerifyWithOptions(m.From.b[32:], sum[:], rest, &ed25519.Options{Hash: crypto.SHA512, Context: Schema}) != nil {
		return nil, ErrTampered
	}
	switch to, err := ParseAddress(m.Header.To); {
	case err != nil:
		return nil, ErrNoManifest
	case m.From == id.addr:
		return nil, ErrOurs
	case to != id.addr:
		return nil, ErrNotForUs
	}
	if m.open, err = hpke.NewRecipient(m.Header.Sealed, id.open, hpke.HKDFSHA256(), hpke.AES256GCM(), info(m.From, id.addr)); err != nil {
		return nil, ErrNoManifest
	}
	return m, nil
}

// Lives yields the tokens, once. After an error nothing comes.
func (m *Manifest) Lives() iter.Seq2[*token.Life, error] {
	return func(yield func(*token.Life, error) bool) {
		for _, sealed := range m.parts {
			p, err := m.part(sealed)
			if err != nil {
				yield(nil, err)
				return
			}
			m.places = append(m.places, p.Locations...)
			for i := range p.Tokens {
				e := &p.Tokens[i]
				e.Value, e.Place.Key = string(e.Bytes), string(e.RowKey)
				if !yield(&e.Life, nil) {
					return
				}
			}
		}
		m.parts = nil
	}
}

// Locations returns where columns are, as far as Lives has come.
func (m *Manifest) Locations() []token.Location { return m.places }

func (m *Manifest) part(sealed []byte) (p part, err error) {
	plain, err := m.open.Open(nil, sealed)
	if err != nil {
		return p, ErrNoManifest
	}
	if err := json.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(plain)), maxPart)).Decode(&p); err != nil {
		return p, fmt.Errorf("what its writer sealed can't be read: %w; use the same release on both sides", err)
	}
	return p, nil
}
