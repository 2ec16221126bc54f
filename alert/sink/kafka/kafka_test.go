package kafka

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const (
	topic    = "honeyrow.alerts"
	user     = "honeyrow"
	password = "k4fka-p4ssword"
)

// broker is the library's own fake of a cluster, which checks what a broker
// checks, on connections that the test makes. It looks at what is produced.
type broker struct {
	sinktest.Ledger
	t     *testing.T
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
	mu    sync.Mutex
	fails []*kerr.Error // what the next produce requests are answered
}

func newBroker(t *testing.T, topics ...string) *broker {
	b := &broker{t: t, conns: make(chan net.Conn), ended: make(chan struct{})}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, topics...), kfake.EnableSASL(),
		kfake.Superuser("SCRAM-SHA-512", user, password), kfake.Superuser("SCRAM-SHA-256", user, password), kfake.Superuser("PLAIN", user, password),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return b, nil }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return b.produce(r.(*kmsg.ProduceRequest))
	})
	return b
}

// Accept, Close and Addr implement net.Listener.
func (b *broker) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.ended:
		return nil, net.ErrClosed
	}
}

func (b *broker) Close() error {
	b.once.Do(func() { close(b.ended) })
	return nil
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

func (b *broker) Addr() net.Addr { return address(sinktest.Host + ":4321") }

// Serve implements sinktest.Fake.
func (b *broker) Serve(conn net.Conn) {
	c := &closing{Conn: conn, closed: make(chan struct{})}
	select {
	case b.conns <- c:
		<-c.closed
	case <-b.ended:
	}
}

// closing tells when its owner has closed it.
type closing struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *closing) Close() error {
	defer c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// produce checks a request and remembers what is in it; the cluster stores it
// unless the test wants it to fail.
func (b *broker) produce(r *kmsg.ProduceRequest) (kmsg.Response, error, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.fails) > 0 {
		code := b.fails[0].Code
		b.fails = b.fails[1:]
		resp := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range r.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	}
	if r.Acks != -1 {
		b.t.Errorf("acks %d, want all", r.Acks)
	}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			b.record(p.Records)
		}
	}
	return nil, nil, false
}

func (b *broker) record(raw []byte) {
	var batch kmsg.RecordBatch
	var rec kmsg.Record
	err := batch.ReadFrom(raw)
	var body []byte
	if err == nil {
		body, err = kgo.DefaultDecompressor().Decompress(batch.Records, kgo.CompressionCodecType(batch.Attributes&7))
	}
	if err == nil {
		err = rec.ReadFrom(body)
	}
	var d event.Detection
	if err == nil {
		err = json.Unmarshal(rec.Value, &d)
	}
	id := ""
	for _, h := range rec.Headers {
		if h.Key == HeaderID {
			id = string(h.Value)
		}
	}
	if err != nil || batch.ProducerID < 0 || batch.NumRecords != 1 || id != fmt.Sprintf("%s-%d", d.ID, d.Revision) || string(rec.Key) != render.Key(nil, &d) || len(raw) > 1<<20 {
		b.t.Errorf("%v, producer %d, %d records, id %q, key %q, %d bytes", err, batch.ProducerID, batch.NumRecords, id, rec.Key, len(raw))
	}
	b.Take(d.ID)
}

func settings(t *testing.T, w sinktest.Where) Config {
	return Config{
		Brokers: []string{w.Address}, Topic: topic, Timeout: time.Minute /* machines are busy */, Plain: !w.TLS, TLS: peer.TLS{CAFile: w.CAFile},
		Username: user, PasswordFile: sinktest.Secret(t, password),
	}
}

func open(t *testing.T, w sinktest.Where, c Config) *Sink {
	t.Helper()
	s, err := New("fleet", c, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKafkaBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		Secrets: []string{password},
		Open:    func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w, settings(t, w)) },
		Fake:    func(t *testing.T) sinktest.Fake { return newBroker(t, topic) },
	})
}

func TestEveryMechanismLogsInAndAWrongPasswordIsSaidSo(t *testing.T) {
	d := alerttest.Detection(1)
	for _, mechanism := range []string{"", mechanismScram512, mechanismScram256, mechanismPlain} {
		for _, secret := range []string{password, "wrong"} {
			b := newBroker(t, topic)
			w := sinktest.At(t, b)
			c := settings(t, w)
			c.PasswordFile, c.Mechanism = sinktest.Secret(t, secret), mechanism
			if mechanism == mechanismPlain {
				c.Mechanism = "" // New refuses it without TLS; what is tested is the login
			}
			s := open(t, w, c)
			s.cfg.Mechanism = mechanism
			err := s.Deliver(t.Context(), &d)
			s.Close()
			switch {
			case secret == password && (err != nil || len(b.Taken()) != 1):
				t.Errorf("%q: %v, taken %v", mechanism, err, b.Taken())
			case secret != password && (err == nil || alert.IsPermanent(err) || !strings.Contains(err.Error(), "password")):
				t.Errorf("%q with a wrong password: %v", mechanism, err)
			}
		}
	}
}

func TestWhatTheBrokerAnswersIsSaidAndTriedAgain(t *testing.T) {
	d := alerttest.Detection(1)
	for _, c := range []struct {
		answer *kerr.Error
		says   string
	}{
		{kerr.NotLeaderForPartition, "NOT_LEADER"},
		{kerr.NotEnoughReplicas, "NOT_ENOUGH_REPLICAS"},
		{kerr.MessageTooLarge, "max.message.bytes"},
		{kerr.TopicAuthorizationFailed, "may not write"},
		{kerr.KafkaStorageError, "KAFKA_STORAGE_ERROR"},
	} {
		b := newBroker(t, topic)
		b.fails = []*kerr.Error{c.answer}
		w := sinktest.At(t, b)
		s := open(t, w, settings(t, w))
		err := s.Deliver(t.Context(), &d)
		if err == nil || alert.IsPermanent(err) || !strings.Contains(err.Error(), c.says) || len(b.Taken()) != 0 {
			t.Errorf("%s: got %v, taken %d, want %q and another try", c.answer.Message, err, len(b.Taken()), c.says)
		}
		b.mu.Lock()
		b.fails = nil
		b.mu.Unlock()
		if err := s.Deliver(t.Context(), &d); err != nil { // the next try is a fresh one
			t.Errorf("after %s: %v", c.answer.Message, err)
		}
		s.Close()
	}
	b := newBroker(t, "another")
	w := sinktest.At(t, b)
	s := open(t, w, settings(t, w))
	if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) || !strings.Contains(err.Error(), "there is no topic") {
		t.Errorf("no topic: %v", err)
	}
	s.Close()
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	good := Config{Brokers: []string{"k:9092"}, Topic: "t"}
	for name, change := range map[string]func(*Config){
		"no brokers":             func(c *Config) { c.Brokers = nil },
		"no port":                func(c *Config) { c.Brokers = []string{"k"} },
		"no topic":               func(c *Config) { c.Topic = "" },
		"bad topic":              func(c *Config) { c.Topic = "a b" },
		"password without user":  func(c *Config) { c.PasswordFile = "x" },
		"user without password":  func(c *Config) { c.Username = "u" },
		"mechanism without user": func(c *Config) { c.Mechanism = mechanismPlain },
		"unknown mechanism":      func(c *Config) { c.Username, c.PasswordFile, c.Mechanism = "u", "x", "gssapi" },
		"password in the clear":  func(c *Config) { c.Username, c.PasswordFile, c.Mechanism, c.Plain = "u", "x", mechanismPlain, true },
		"plain with authority":   func(c *Config) { c.Plain, c.CAFile = true, "ca.pem" },
		"no such file":           func(c *Config) { c.Username, c.PasswordFile = "u", "/nonexistent" },
		"form":                   func(c *Config) { c.Format = "cef" },
		"time":                   func(c *Config) { c.Timeout = -1 },
	} {
		c := good
		change(&c)
		if _, err := New("fleet", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New("fleet", good, peer.Options{}); err != nil {
		t.Errorf("the smallest: %v", err)
	}
}
