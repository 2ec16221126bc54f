// Package kafka writes detections to a topic of Apache Kafka, or of a service
// that speaks its protocol.
//
// Sources: Apache Kafka, "Producer Configs" (acks=all: the leader and all
// replicas in sync have the record; enable.idempotence: a record that is sent
// again on one connection is stored once), "Topic Configs" (max.message.bytes,
// 1048588 unless changed). The key is the incident's id, and a key's records
// stay in one partition: so an incident's are read in their order.
package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
	"honeyrow/internal/config"
)

var _ alert.Sink = (*Sink)(nil)

const (
	defaultTimeout = 10 * time.Second
	// maxRecord is how long a record's value may be, in bytes, so that with key
	// and headers it stays below what topics take unless told otherwise.
	maxRecord = 1_000_000
)

// HeaderID is the header that tells a record from its repeats: id and revision.
const HeaderID = "honeyrow-id"

// Mechanisms of SASL.
const (
	mechanismPlain    = "plain"
	mechanismScram256 = "scram-sha-256"
	mechanismScram512 = "scram-sha-512"
)

// Config names the brokers and the topic.
type Config struct {
	Brokers []string `yaml:"brokers"` // host:port; the others are learnt from them
	Topic   string   `yaml:"topic"`
	// Plain does without TLS.
	Plain    bool   `yaml:"plain"`
	Format   string `yaml:"format"` // json (default), ecs or ocsf
	peer.TLS `yaml:",inline"`
	// Username is a user and PasswordFile or PasswordEnv holds the password.
	// Mechanism is scram-sha-512 (default), scram-sha-256 or plain.
	Mechanism    string        `yaml:"mechanism"`
	Username     string        `yaml:"username"`
	PasswordFile string        `yaml:"password_file"`
	PasswordEnv  string        `yaml:"password_env"`
	Timeout      time.Duration `yaml:"timeout"` // of one delivery; 0: 10 s
}

// topicName is what Kafka takes (org.apache.kafka.common.internals.Topic).
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Validate reports what cannot work.
func (c Config) Validate() error {
	if err := peer.Hosts("brokers", c.Brokers, "kafka1.corp:9093"); err != nil {
		return err
	}
	if err := peer.Login(c.Username, c.PasswordFile, c.PasswordEnv); err != nil {
		return err
	}
	switch {
	case !topicName.MatchString(c.Topic) || c.Topic == "." || c.Topic == "..":
		return errors.New("topic: set the topic's name, such as honeyrow.alerts")
	case c.Mechanism != "" && c.Username == "":
		return errors.New("mechanism: there is no username: set it, or remove mechanism")
	case c.Plain && c.TLS != (peer.TLS{}):
		return errors.New("plain: there are certificates: remove them or it")
	case c.Plain && c.Mechanism == mechanismPlain:
		return errors.New("mechanism: plain sends the password as it is: use TLS, or scram-sha-512")
	case c.Timeout < 0:
		return errors.New("timeout: set a time above zero, such as 10s")
	}
	switch c.Mechanism {
	case "", mechanismPlain, mechanismScram256, mechanismScram512:
	default:
		return fmt.Errorf("mechanism: %q is unknown: use scram-sha-512, scram-sha-256 or plain", c.Mechanism)
	}
	if err := format.JSON(c.Format); err != nil {
		return err
	}
	return c.TLS.Validate()
}

// Check reads the secrets and connects to the first broker.
func (c Config) Check(ctx context.Context) error {
	if _, err := New("check", c, peer.Options{}); err != nil {
		return err
	}
	return peer.Reach(ctx, c.Brokers[0])
}

// Sink writes to one topic. It is safe for concurrent use.
type Sink struct {
	name     string
	cfg      Config
	o        peer.Options
	tls      *tls.Config
	password config.Secret

	mu     sync.Mutex
	client *kgo.Client // nil: not connected

	linked sync.Mutex
	links  map[*link]struct{} // open connections
}

// link is a connection that its sink can cut.
type link struct {
	net.Conn
	s *Sink
}

// Close implements net.Conn.
func (l *link) Close() error {
	l.s.linked.Lock()
	delete(l.s.links, l)
	l.s.linked.Unlock()
	return l.Conn.Close()
}

// cut ends all connections: the library waits for its own time to be over where
// a broker says nothing, whatever the delivery's is.
func (s *Sink) cut() {
	s.linked.Lock()
	open := slices.Collect(maps.Keys(s.links))
	s.linked.Unlock()
	for _, l := range open {
		_ = l.Close() // who reads from it tells
	}
}

// New reads the secrets; it makes no connection.
func New(name string, c Config, o peer.Options) (s *Sink, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s = &Sink{name: name, cfg: c, o: o.Filled(), links: map[*link]struct{}{}}
	if s.cfg.Timeout == 0 {
		s.cfg.Timeout = defaultTimeout
	}
	if s.password, err = peer.Secret("password", c.PasswordFile, c.PasswordEnv); err != nil {
		return nil, err
	}
	if !c.Plain {
		if s.tls, err = c.Open(""); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// Close implements alert.Sink.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	return nil
}

func (s *Sink) drop() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// dial opens a connection to a broker, with TLS unless the configuration does
// without.
func (s *Sink) dial(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := s.o.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &link{raw, s}
	s.linked.Lock()
	s.links[conn] = struct{}{}
	s.linked.Unlock()
	if s.tls == nil {
		return conn, nil
	}
	cfg := s.tls.Clone()
	if cfg.ServerName, _, err = net.SplitHostPort(address); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	t := tls.Client(conn, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("TLS: %w", err), conn.Close())
	}
	return t, nil
}

func (s *Sink) mechanism() sasl.Mechanism {
	a := scram.Auth{User: s.cfg.Username, Pass: s.password.Reveal()}
	switch s.cfg.Mechanism {
	case mechanismPlain:
		return plain.Auth{User: s.cfg.Username, Pass: s.password.Reveal()}.AsMechanism()
	case mechanismScram256:
		return a.AsSha256Mechanism()
	}
	return a.AsSha512Mechanism()
}

// connect returns a client that has reached a broker. It is called with mu held.
// What the library would try again itself is left to the outbox's loop: that has
// a clock of its own for each sink and tells the owner.
func (s *Sink) connect(ctx context.Context) (*kgo.Client, error) {
	if s.client != nil {
		return s.client, nil
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.cfg.Brokers...), kgo.ClientID("honeyrow"), kgo.DefaultProduceTopic(s.cfg.Topic), kgo.Dialer(s.dial),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RequestRetries(0), kgo.RecordRetries(0), kgo.UnknownTopicRetries(0),
		kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(maxRecord + 64<<10),
	}
	if s.cfg.Username != "" {
		opts = append(opts, kgo.SASL(s.mechanism()))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, err
	}
	s.client = client
	return client, nil
}

// Deliver implements alert.Sink: it returns when all replicas in sync have the
// record.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	body, err := format.EncodeWithin(s.cfg.Format, d, maxRecord)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := context.AfterFunc(ctx, s.cut)
	defer keep()
	client, err := s.connect(ctx)
	if err != nil {
		return s.explain(err)
	}
	record := &kgo.Record{Key: []byte(render.Key(nil, d)), Value: body, Headers: []kgo.RecordHeader{
		{Key: HeaderID, Value: []byte(string(d.ID) + "-" + strconv.Itoa(d.Revision))},
		{Key: "honeyrow-severity", Value: []byte(render.Gravity(nil, d).String())},
		{Key: "content-type", Value: []byte("application/json")},
	}}
	done := make(chan error, 1)
	client.Produce(ctx, record, func(_ *kgo.Record, err error) { done <- err })
	select {
	case err = <-done:
	case <-ctx.Done(): // a record under way can't be taken back: it goes with its client
		err = ctx.Err()
	}
	if err != nil {
		s.drop()
	}
	return s.explain(err)
}

// explain says what to do; the library's errors hold neither secrets nor what
// was sent.
func (s *Sink) explain(err error) error {
	if err == nil {
		return nil
	}
	at := "kafka at " + s.cfg.Brokers[0]
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return fmt.Errorf("%s: topic %s takes no record of this size: raise its max.message.bytes to 1048588", at, s.cfg.Topic)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("%s: there is no topic %s: make it", at, s.cfg.Topic)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("%s: the user may not write to topic %s: grant WRITE and IDEMPOTENT_WRITE", at, s.cfg.Topic)
	case errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return fmt.Errorf("%s: the broker refuses the login: check username, password and mechanism", at)
	}
	if s.cfg.Username != "" && errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the broker hung up: check that it takes TLS as configured, username, password and mechanism: %w", at, err)
	}
	return fmt.Errorf("%s: %w", at, err)
}
