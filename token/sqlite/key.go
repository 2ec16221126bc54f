package sqlite

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// KeyEnv is the environment variable that may hold the key instead of a file.
const KeyEnv = "HONEYROW_KEY"

// Key is the secret from which the store derives its keys. It prints as stars.
type Key struct{ b [32]byte }

// String implements fmt.Stringer without giving the key away.
func (Key) String() string { return "********" }

// GoString implements fmt.GoStringer without giving the key away.
func (Key) GoString() string { return "sqlite.Key{********}" }

// MarshalText implements encoding.TextMarshaler without giving the key away.
func (Key) MarshalText() ([]byte, error) { return []byte("********"), nil }

// NewKey returns a fresh random key.
func NewKey() Key {
	var k Key
	rand.Read(k.b[:]) // never fails (crypto/rand)
	return k
}

// ParseKey reads 64 hexadecimal digits; white space around them is ignored.
// Errors never show the text.
func ParseKey(text string) (Key, error) {
	var k Key
	text = strings.TrimSpace(text)
	if len(text) != 2*len(k.b) {
		return Key{}, fmt.Errorf("key has %d characters instead of 64 hexadecimal digits: restore it from where you keep it; only a new registry takes a new one (`openssl rand -hex 32`)", len(text))
	}
	if _, err := hex.Decode(k.b[:], []byte(text)); err != nil {
		return Key{}, errors.New("key holds something other than hexadecimal digits: restore it from where you keep it; only a new registry takes a new one (`openssl rand -hex 32`)")
	}
	return k, nil
}

// LoadKey reads the key file at path. A file that others may read is set to
// 0600 and a warning says so; where that is impossible, because the file system
// is read-only as container secrets are, the warning stands alone. A key file
// of another owner that others may read is refused.
func LoadKey(path string) (key Key, warning string, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, "", fmt.Errorf("read key file: %w: restore it from where you keep it (without it the values in the database cannot be read), or let `honeyrow init` make a new one for a new database", err)
	}
	if err != nil {
		return Key{}, "", fmt.Errorf("read key file: %w: let the user who runs honeyrow read it", err)
	}
	if key, err = ParseKey(string(text)); err != nil {
		return Key{}, "", fmt.Errorf("key file %s: %w", path, err)
	}
	warning, err = tighten(path, "key file")
	return key, warning, err
}

// CreateKey makes a new key in a file with mode 0600, and its folder with 0700
// if there is none. It never overwrites a file.
func CreateKey(path string) (Key, error) {
	key := NewKey()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("make folder for key file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Key{}, fmt.Errorf("create key file: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(key.b[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return Key{}, fmt.Errorf("write key file: %w", err)
	}
	return key, syncDir(filepath.Dir(path))
}

// KeyFor finds the key for the database at dbPath: the environment variable
// KeyEnv if it is set, else the file at keyPath. If neither a key nor a
// database exists, it creates the key file. It never makes a new key for an
// existing database.
func KeyFor(dbPath, keyPath string) (key Key, warning string, err error) {
	if text := os.Getenv(KeyEnv); text != "" {
		if key, err = ParseKey(text); err != nil {
			return Key{}, "", fmt.Errorf("environment variable %s: %w", KeyEnv, err)
		}
		return key, "", nil
	}
	if exists(keyPath) || exists(dbPath) {
		return LoadKey(keyPath)
	}
	key, err = CreateKey(keyPath)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return LoadKey(keyPath)
	}
	return key, "", err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// tighten takes rights on a secret file away from group and others and says so.
func tighten(path, what string) (warning string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", what, err)
	}
	mode := st.Mode().Perm()
	if mode&0o077 == 0 {
		return "", nil
	}
	err = os.Chmod(path, mode&0o700)
	switch {
	case err == nil:
		return fmt.Sprintf("%s %s was open to other users (mode %04o); it is %04o now", what, path, mode, mode&0o700), nil
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("%s %s is open to other users (mode %04o) on a read-only file system: give it mode 0400 where it is declared", what, path, mode), nil
	default:
		return "", fmt.Errorf("%s %s is open to other users (mode %04o) and belongs to another user: as its owner run chmod 600 %s", what, path, mode, path)
	}
}

// syncDir makes a new file's name survive the loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
