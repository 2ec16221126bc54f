// Package aws is what the sinks for Amazon's services, and for services that
// are compatible with them, share: address, credentials, and the Signature
// Version 4 that their requests carry.
package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"honeyrow/alert/peer"
	"honeyrow/internal/config"
)

// Config names address, region and credentials. It is inlined in sinks' own.
type Config struct {
	// URL is that of a compatible service; empty: Amazon's own of the region.
	peer.HTTP   `yaml:",inline"`
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
	return c.HTTP.Validate(c.endpoint("any"))
}

func (c Config) endpoint(host string) string {
	return "https://" + host + "." + c.Region + ".amazonaws.com/"
}

// DoorTo is the peer.Door to Amazon's host of that name, such as sns.
func (c Config) DoorTo(host string) peer.Door {
	return peer.Door{HTTP: c.HTTP, Fallback: c.endpoint(host), Secret: func() (config.Secret, error) {
		key, _, err := c.read()
		return key, err
	}}
}

func (c Config) read() (key, token config.Secret, err error) {
	if key, err = peer.Secret("secret_access_key", c.SecretKeyFile, c.SecretKeyEnv); err != nil {
		return key, token, err
	}
	token, err = peer.Secret("session_token", c.SessionTokenFile, c.SessionTokenEnv)
	return key, token, err
}

// Service is a peer.Service that signs what it sends. It is safe for concurrent
// use. The secrets are read anew for each request: temporary credentials are
// replaced while the proxy runs.
type Service struct {
	peer.Service
	cfg   Config
	scope string
	v4    *v4.Signer
}

// Open is peer.Open for c, of which a is the part that is inlined. scope is the
// service's name in signatures.
func Open(name string, c peer.Configured, a Config, scope string, o peer.Options) (Service, error) {
	s, err := peer.Open(name, c, o)
	return Service{Service: s, cfg: a, scope: scope, v4: v4.NewSigner()}, err
}

// Post signs a request and sends it; peer.Client.Do sorts the answers. Amazon
// answers 400 too where it has no time, and where the owner can mend something:
// that is worth another try.
func (s Service) Post(ctx context.Context, r peer.Request) error {
	r.Sign = func(q *http.Request) error {
		key, token, err := s.cfg.read()
		if err != nil {
			return err
		}
		hash := sha256.Sum256(r.Body)
		creds := sdk.Credentials{AccessKeyID: s.cfg.AccessKeyID, SecretAccessKey: key.Reveal(), SessionToken: token.Reveal()}
		return s.v4.SignHTTP(ctx, creds, q, hex.EncodeToString(hash[:]), s.scope, s.cfg.Region, s.Now())
	}
	a, err := s.Do(ctx, r)
	if err == nil || a == nil || a.Code < 400 || a.Code > 499 {
		return err
	}
	name := fault(a)
	advice, ok := faults[name]
	switch {
	case !ok:
		return err
	case a.Code == http.StatusTooManyRequests: // with its Retry-After
		return err
	}
	return fmt.Errorf("post to %s: answer %d %s: %s", s.Host(), a.Code, name, advice)
}

// faults are the errors that another try may not meet, with what to do. ("Common
// Errors" of both services; SNS, "Publish"; SES API v2, "SendEmail".) A name that
// is not here is never shown: it came over the network.
var faults = map[string]string{
	"Throttling":                "it is tried again; rate keeps below the account's quota",
	"Throttled":                 "it is tried again; rate keeps below the account's quota",
	"RequestLimitExceeded":      "it is tried again; rate keeps below the account's quota",
	"TooManyRequests":           "it is tried again; rate keeps below the account's quota",
	"LimitExceeded":             "look at the account's sending quota",
	"RequestExpired":            "this machine's clock is wrong: set it",
	"RequestTimeTooSkewed":      "this machine's clock is wrong: set it",
	"ExpiredToken":              "the session token is over: renew it",
	"UnrecognizedClient":        "check access_key_id, and region",
	"InvalidClientTokenId":      "check access_key_id, and session_token_file of temporary credentials",
	"SignatureDoesNotMatch":     "check the secret access key, and this machine's clock",
	"InvalidSignature":          "check the secret access key, and this machine's clock",
	"AccessDenied":              "allow this account sns:Publish on the topic, or ses:SendEmail",
	"AuthorizationError":        "allow this account sns:Publish on the topic",
	"AccountSuspended":          "sending is stopped for the account: look at it in SES",
	"SendingPaused":             "sending is paused for the account: look at it in SES",
	"MailFromDomainNotVerified": "verify the MAIL FROM domain in SES",
	"MessageRejected":           "verify the sender in SES, and while the account is in the sandbox each recipient too",
	"KMSAccessDenied":           "allow this account to use the topic's key",
	"KMSDisabled":               "enable the topic's key",
	"KMSInvalidState":           "look at the topic's key",
	"KMSNotFound":               "look at the topic's key",
	"KMSOptInRequired":          "look at the topic's key",
	"KMSThrottling":             "it is tried again",
}

// fault is the name of the error that an answer tells, without its usual end: in
// the header of JSON protocols, or in the XML of the query protocol.
func fault(a *peer.Answer) string {
	name, _, _ := strings.Cut(a.Header.Get("X-Amzn-Errortype"), ":")
	if name == "" {
		var answer struct {
			Error struct{ Code string }
		}
		if xml.Unmarshal(a.Body, &answer) == nil {
			name = answer.Error.Code
		}
	}
	return strings.TrimSuffix(name, "Exception")
}
