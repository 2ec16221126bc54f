package mywire

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the protocol's choice: OAEP with SHA-1
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"sync"
)

// keyPair is what clients without TLS encrypt their password for.
type keyPair struct {
	key *rsa.PrivateKey
	pub []byte // PEM, as MySQL servers send theirs
}

// keyring makes the process's own pair when it is first needed.
type keyring struct {
	once sync.Once
	pair *keyPair
	err  error
}

func (k *keyring) get() (*keyPair, error) {
	k.once.Do(func() {
		var key *rsa.PrivateKey
		if key, k.err = rsa.GenerateKey(rand.Reader, 2048); k.err == nil {
			k.pair, k.err = newKeyPair(key)
		}
	})
	return k.pair, k.err
}

// key is what clients of this listener encrypt passwords for.
func (p *Protocol) key(s *settings) (*keyPair, error) {
	if s.key != nil {
		return s.key, nil
	}
	return p.keys.get()
}

func newKeyPair(key *rsa.PrivateKey) (*keyPair, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &keyPair{key: key, pub: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}, nil
}

// loadKey reads a PEM private key (PKCS #1 or #8).
func loadKey(file string) (*keyPair, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load rsa_key_file: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("rsa_key_file %s holds no PEM block: name an RSA private key", file)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return newKeyPair(key)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("rsa_key_file %s: %w", file, err)
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("rsa_key_file %s holds another kind of key: name an RSA private key", file)
	}
	return newKeyPair(key)
}

// publicKey parses the key that a server sends.
func publicKey(b []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("the server's RSA key is not PEM")
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the server's RSA key: %w", err)
	}
	key, ok := any.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the server's key is not RSA")
	}
	return key, nil
}

// encryptPassword encrypts a password, its NUL included, as clients do: XOR
// with the salt, then OAEP with SHA-1 (caching_sha2_password, "RSA Exchange").
func encryptPassword(password, salt []byte, key *rsa.PublicKey) ([]byte, error) {
	if len(salt) == 0 {
		return nil, errors.New("the server sent no salt")
	}
	plain := make([]byte, len(password))
	defer clear(plain)
	for i := range password {
		plain[i] = password[i] ^ salt[i%len(salt)]
	}
	return rsa.EncryptOAEP(sha1.New(), rand.Reader, key, plain, nil)
}

// decryptPassword is the reverse. The result is the caller's to clear.
func decryptPassword(cipher, salt []byte, key *rsa.PrivateKey) ([]byte, error) {
	if len(salt) == 0 {
		return nil, errors.New("the server sent no salt")
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, cipher, nil)
	if err != nil {
		return nil, err
	}
	for i := range plain {
		plain[i] ^= salt[i%len(salt)]
	}
	return plain, nil
}
