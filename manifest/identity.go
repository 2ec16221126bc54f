package manifest

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Identity is a registry's two key pairs: for what is sealed to it, and for what
// it signs. It prints as stars.
type Identity struct {
	open hpke.PrivateKey
	sign ed25519.PrivateKey
	addr Address
}

// String implements fmt.Stringer without giving the keys away.
func (Identity) String() string { return "********" }

// NewIdentity makes the key pairs of 64 secret bytes: always the same of the same.
func NewIdentity(secret []byte) (*Identity, error) {
	if len(secret) != 64 {
		return nil, fmt.Errorf("an identity is made of 64 secret bytes, not %d", len(secret))
	}
	box, err := ecdh.X25519().NewPrivateKey(secret[:32])
	if err != nil {
		return nil, err
	}
	id := &Identity{sign: ed25519.NewKeyFromSeed(secret[32:])}
	if id.open, err = hpke.NewDHKEMPrivateKey(box); err != nil {
		return nil, err
	}
	copy(id.addr.b[:32], box.PublicKey().Bytes())
	copy(id.addr.b[32:], id.sign.Public().(ed25519.PublicKey))
	return id, nil
}

// Address returns what others must know of the identity. It is no secret.
func (id *Identity) Address() Address { return id.addr }

// Address names a registry: what is sealed to it only it can open, what it has
// signed only it can have written. The zero Address is nobody's.
type Address struct{ b [64]byte } // X25519, Ed25519

const (
	addressPrefix = "hr1"
	sumSize       = 4
)

// String is the form that ParseAddress reads: hr1 and 91 letters and digits.
func (a Address) String() string {
	sum := sha256.Sum256(append([]byte(addressPrefix), a.b[:]...))
	return addressPrefix + base64.RawURLEncoding.EncodeToString(append(a.b[:len(a.b):len(a.b)], sum[:sumSize]...))
}

// ParseAddress reads an address; one with a slip of the pen is none.
func ParseAddress(text string) (a Address, err error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), addressPrefix)
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if !ok || err != nil || len(b) != len(a.b)+sumSize {
		return Address{}, errNoAddress
	}
	copy(a.b[:], b)
	if a.String() != strings.TrimSpace(text) {
		return Address{}, errNoAddress
	}
	return a, nil
}

var errNoAddress = errors.New("it is no address of a registry: `honeyrow tokens address` prints one, hr1 and 91 characters, there")

// seal returns the key to which is sealed for the address.
func (a Address) seal() (hpke.PublicKey, error) {
	key, err := ecdh.X25519().NewPublicKey(a.b[:32])
	if err != nil {
		return nil, err
	}
	return hpke.NewDHKEMPublicKey(key)
}
