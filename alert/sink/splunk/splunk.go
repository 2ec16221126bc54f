// Package splunk sends detections to Splunk's HTTP Event Collector.
//
// Sources: Splunk, "Format events for HTTP Event Collector" (time, host,
// source, sourcetype, index, event), "HTTP Event Collector REST API endpoints"
// (Authorization: Splunk <token>; code 0 is success, 6 invalid data format, 9
// server is busy), "About HTTP Event Collector Indexer Acknowledgment"
// (X-Splunk-Request-Channel, ackId, /services/collector/ack).
package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/peer"
	"honeyrow/event"
)

var _ alert.Sink = (*Sink)(nil)

// ackPause is the time between two questions whether an event is indexed.
const ackPause = time.Second

// Config names the collector. Its url is that of the server alone:
// https://splunk.corp:8088.
type Config struct {
	peer.HTTP `yaml:",inline"`
	TokenFile string `yaml:"token_file"`
	TokenEnv  string `yaml:"token_env"`
	// Format of the event: json (default), ecs or ocsf.
	Format     string `yaml:"format"`
	Index      string `yaml:"index"`      // empty: the token's
	Sourcetype string `yaml:"sourcetype"` // empty: honeyrow:detection
	// Acknowledge waits until the event is indexed; the token must have it on.
	Acknowledge bool `yaml:"acknowledge"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if peer.Count(c.TokenFile, c.TokenEnv) != 1 {
		return errors.New("token_file: set it or token_env to where the collector's token is")
	}
	if err := format.JSON(c.Format); err != nil {
		return err
	}
	return c.HTTP.Validate("")
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door {
	return peer.Door{HTTP: c.HTTP, Secret: peer.From("token", c.TokenFile, c.TokenEnv)}
}

// Check reads the token and connects to the collector.
func (c Config) Check(ctx context.Context) error { return peer.Check(ctx, c) }

// Sink sends to one collector. It is safe for concurrent use.
type Sink struct {
	peer.Service
	cfg     Config
	host    string
	channel string
}

// New reads the token; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	service, err := peer.Open(name, c, o)
	if err != nil {
		return nil, err
	}
	s := &Sink{Service: service, cfg: c, channel: uuid.NewString()}
	s.host, _ = os.Hostname() // without one the field is empty
	if s.cfg.Sourcetype == "" {
		s.cfg.Sourcetype = "honeyrow:detection"
	}
	return s, nil
}

type envelope struct {
	Time       json.Number       `json:"time"` // Unix seconds
	Host       string            `json:"host,omitempty"`
	Source     string            `json:"source"`
	Sourcetype string            `json:"sourcetype"`
	Index      string            `json:"index,omitempty"`
	Event      json.RawMessage   `json:"event"`
	Fields     map[string]string `json:"fields,omitempty"`
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	doc, err := format.Encode(s.cfg.Format, d)
	if err != nil {
		return err
	}
	body, err := json.Marshal(envelope{
		Time: json.Number(strconv.FormatFloat(float64(d.Time.UnixMilli())/1000, 'f', 3, 64)),
		Host: s.host, Source: "honeyrow", Sourcetype: s.cfg.Sourcetype, Index: s.cfg.Index, Event: doc,
		Fields: map[string]string{"detection": string(d.ID), "revision": strconv.Itoa(d.Revision)},
	})
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode an event: %w", err))
	}
	a, err := s.post(ctx, "services/collector/event", body)
	if err != nil || !s.cfg.Acknowledge {
		return err
	}
	var r struct {
		AckID *int64 `json:"ackId"`
	}
	if a.Torn != nil {
		return a.Torn
	}
	if err := json.Unmarshal(a.Body, &r); err != nil || r.AckID == nil {
		return fmt.Errorf("post to %s: no ackId came back: turn on indexer acknowledgment at the token, or acknowledge off here", s.Host())
	}
	return s.await(ctx, *r.AckID)
}

func (s *Sink) post(ctx context.Context, path string, body []byte) (*peer.Answer, error) {
	h := http.Header{"Authorization": {"Splunk " + s.Key.Reveal()}}
	r := peer.Request{Path: path, Header: h, Body: body}
	if s.cfg.Acknowledge {
		r.Query = url.Values{"channel": {s.channel}}
		h.Set("X-Splunk-Request-Channel", s.channel)
	}
	a, err := s.Do(ctx, r)
	if a != nil && a.Code == http.StatusBadRequest {
		var told struct {
			Code int `json:"code"`
		}
		if json.Unmarshal(a.Body, &told) == nil && mendable[told.Code] != "" {
			return a, fmt.Errorf("post to %s: answer %d, code %d: %s", s.Host(), a.Code, told.Code, mendable[told.Code])
		}
	}
	return a, err
}

// mendable are the collector's codes with 400 that the owner can do something about
// ("Troubleshoot HTTP Event Collector", "Possible error codes").
var mendable = map[int]string{
	7:  "check the index, and which ones the token allows",
	10: "the token demands a channel: set acknowledge",
	14: "turn on indexer acknowledgment at the token, or acknowledge off here",
}

// await asks until the event is indexed or ctx ends; then it is sent again.
func (s *Sink) await(ctx context.Context, id int64) error {
	body := fmt.Appendf(nil, `{"acks":[%d]}`, id)
	tick := time.NewTicker(ackPause)
	defer tick.Stop()
	for {
		a, err := s.post(ctx, "services/collector/ack", body)
		if err != nil {
			return err
		}
		var r struct {
			Acks map[string]bool `json:"acks"`
		}
		if err := json.Unmarshal(a.Body, &r); err == nil && r.Acks[strconv.FormatInt(id, 10)] {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("post to %s: the event was taken, but not indexed in time: %w", s.Host(), ctx.Err())
		case <-tick.C:
		}
	}
}
