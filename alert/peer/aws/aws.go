// Package aws is what the sinks for Amazon's services, and for services that
// are compatible with them, share: credentials, and the Signature Version 4
// that their requests carry.
package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"honeyrow/alert/peer"
	"honeyrow/internal/config"
)

// Config names region and credentials. It is inlined in sinks' own.
type Config struct {
	Region      string `yaml:"region"`
	AccessKeyID string `yaml:"access_key_id"`
	// SecretKeyFile or SecretKeyEnv holds the secret access key,
	// SessionTokenFile or SessionTokenEnv the token of temporary credentials.
	SecretKeyFile    string `yaml:"secret_access_key_file"`
	SecretKeyEnv     string `yaml:"secret_access_key_env"`
	SessionTokenFile string `yaml:"session_token_file"`
	SessionTokenEnv  string `yaml:"session_token_env"`
}

var region = regexp.MustCompile(`^[a-z0-9-]+$`)

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case !region.MatchString(c.Region):
		return errors.New("region: set the service's region, such as eu-central-1")
	case c.AccessKeyID == "":
		return errors.New("access_key_id: set the id of the access key")
	case peer.Count(c.SecretKeyFile, c.SecretKeyEnv) != 1:
		return errors.New("secret_access_key_file: set it or secret_access_key_env to where the secret access key is")
	case !peer.Only(c.SessionTokenFile, c.SessionTokenEnv):
		return errors.New("session_token_file: set it or session_token_env, not both")
	}
	return nil
}

// Signer signs requests to one service. It is safe for concurrent use. The
// secrets are read anew for each request: temporary credentials are replaced
// while the proxy runs.
type Signer struct {
	cfg     Config
	service string
	now     func() time.Time
	v4      *v4.Signer
}

// New reads the credentials once, to see whether they are there.
func New(c Config, service string, now func() time.Time) (*Signer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Signer{cfg: c, service: service, now: now, v4: v4.NewSigner()}
	_, _, err := s.read()
	return s, err
}

func (s *Signer) read() (key, token config.Secret, err error) {
	if key, err = peer.Secret("secret_access_key", s.cfg.SecretKeyFile, s.cfg.SecretKeyEnv); err != nil {
		return key, token, err
	}
	token, err = peer.Secret("session_token", s.cfg.SessionTokenFile, s.cfg.SessionTokenEnv)
	return key, token, err
}

// Sign returns what signs a request with this body: see peer.Request.
func (s *Signer) Sign(ctx context.Context, body []byte) func(*http.Request) error {
	return func(r *http.Request) error {
		key, token, err := s.read()
		if err != nil {
			return err
		}
		hash := sha256.Sum256(body)
		creds := sdk.Credentials{AccessKeyID: s.cfg.AccessKeyID, SecretAccessKey: key.Reveal(), SessionToken: token.Reveal()}
		return s.v4.SignHTTP(ctx, creds, r, hex.EncodeToString(hash[:]), s.service, s.cfg.Region, s.now())
	}
}
