package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

const stars = "*****"

// Secret is text that must not be shown: every way of printing it gives stars.
type Secret struct{ text string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the text, for the one call that needs it.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s.text == "" }

// String returns stars.
func (s Secret) String() string { return stars }

// GoString returns stars for %#v.
func (s Secret) GoString() string { return stars }

// MarshalText returns stars for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// ErrNoSecret says that neither a file nor an environment variable was named.
var ErrNoSecret = errors.New("no secret is configured")

// maxSecret bounds a secret's file.
const maxSecret = 64 << 10

// ReadSecret reads a secret from the file (its trailing line end dropped) or
// from the environment variable called env. Naming both is an error; naming
// neither is ErrNoSecret. what is the key's stem, such as "dsn", for errors,
// which never show the contents.
func ReadSecret(what, file, env string) (Secret, error) {
	switch {
	case file != "" && env != "":
		return Secret{}, fmt.Errorf("both %s_file and %s_env are given: keep one", what, what)
	case file != "":
		b, err := os.ReadFile(file)
		if err != nil {
			return Secret{}, fmt.Errorf("read %s_file: %w: create it with mode 0600", what, err)
		}
		if len(b) > maxSecret {
			return Secret{}, fmt.Errorf("%s_file %s is larger than %d bytes: is it the right file?", what, file, maxSecret)
		}
		text := strings.TrimRight(string(b), "\r\n")
		if text == "" {
			return Secret{}, fmt.Errorf("%s_file %s is empty: write the secret into it", what, file)
		}
		return Secret{text: text}, nil
	case env != "":
		text := os.Getenv(env)
		if text == "" {
			return Secret{}, fmt.Errorf("the environment variable %s, named by %s_env, is not set: export it, or use %s_file", env, what, what)
		}
		return Secret{text: text}, nil
	}
	return Secret{}, ErrNoSecret
}
