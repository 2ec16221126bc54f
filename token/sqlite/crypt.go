package sqlite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"honeyrow/chain"
	"honeyrow/event"
	"honeyrow/token"
)

// errSealed says that a sealed value did not open: wrong key or altered row.
var errSealed = errors.New("does not open with this key")

// box seals what the file must not tell. It is safe for concurrent use.
type box struct {
	aead      cipher.AEAD // prepends a random 12-byte nonce to each message
	digestKey []byte
	// audit and log make the sums of the two chains.
	audit, log chain.Key
	drillKey   []byte
	identity   []byte
}

// newBox derives one key for each purpose (HKDF, RFC 5869).
func newBox(k Key) (*box, error) {
	seal, err := hkdf.Key(sha256.New, k.b[:], nil, "honeyrow/1 seal", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	digest, err := hkdf.Key(sha256.New, k.b[:], nil, "honeyrow/1 digest", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	audit, err := hkdf.Key(sha256.New, k.b[:], nil, "honeyrow/1 audit", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	logKey, err := hkdf.Key(sha256.New, k.b[:], nil, "honeyrow/1 log", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	drillKey, err := hkdf.Key(sha256.New, k.b[:], nil, "honeyrow/1 drill", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	identity, err := hkdf.Key(sha256.New, k.b[:], nil, "honeyrow/1 manifests", 64)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &box{aead: aead, digestKey: digest, audit: chain.Fields(audit), log: chain.Bytes(logKey), drillKey: drillKey, identity: identity}, nil
}

// DrillKey returns the key by which drills are signed: whoever opens the store
// with the registry's key may order one.
func (s *Store) DrillKey() []byte { return s.box.drillKey }

// IdentitySecret returns the 64 bytes from which the registry's keys for
// manifests are made: package manifest's.
func (s *Store) IdentitySecret() []byte { return s.box.identity }

// seal returns plain sealed for the record that about names.
func (b *box) seal(about string, plain []byte) []byte {
	return b.aead.Seal(nil, nil, plain, []byte(about))
}

// open appends the plain text to dst.
func (b *box) open(dst []byte, about string, sealed []byte) ([]byte, error) {
	plain, err := b.aead.Open(dst, nil, sealed, []byte(about))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// digest is a keyed hash of a value, 16 bytes of HMAC-SHA-256: it finds equal
// values without telling which.
func (b *box) digest(value string) []byte {
	h := hmac.New(sha256.New, b.digestKey)
	h.Write([]byte(value))
	return h.Sum(nil)[:16]
}

func aboutToken(id event.ID) string { return "token|" + string(id) }

func aboutDetection(id event.ID, revision int) string {
	return fmt.Sprintf("detection|%s|%d", id, revision)
}

func aboutIncident(number int64, revision int) string {
	return fmt.Sprintf("incident|%d|%d", number, revision)
}

func aboutChange(number int64, revision string) string {
	return fmt.Sprintf("incident change|%d|%s", number, revision)
}

// packSecret joins the secret fields of a token, each after its length, and how
// many rows its value was unique among. A nil
// binary form has length 0, an empty one does not occur.
func packSecret(dst []byte, t *token.Token) []byte {
	dst = appendField(dst, t.Value)
	dst = appendField(dst, t.Binary)
	dst = appendField(dst, t.Place.Key)
	dst = appendField(dst, t.Note)
	return binary.AppendUvarint(dst, uint64(max(t.Among, 0)))
}

func appendField[T string | []byte](dst []byte, f T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(f))), f...)
}

// unpackSecret fills the secret fields of t; it keeps nothing of plain.
func unpackSecret(plain []byte, t *token.Token) error {
	var fields [4][]byte
	for i := range fields {
		n, w := binary.Uvarint(plain)
		if w <= 0 || n > uint64(len(plain)-w) {
			return errors.New("sealed fields are cut short")
		}
		fields[i], plain = plain[w:w+int(n)], plain[w+int(n):]
	}
	among, _ := binary.Uvarint(plain) // none in those sealed by earlier versions
	t.Among = int64(among)
	t.Value, t.Place.Key, t.Note = string(fields[0]), string(fields[2]), string(fields[3])
	if t.Binary = nil; len(fields[1]) > 0 {
		t.Binary = append([]byte(nil), fields[1]...)
	}
	return nil
}
