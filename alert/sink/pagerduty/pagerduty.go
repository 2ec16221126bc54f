// Package pagerduty triggers, acknowledges and resolves incidents of PagerDuty,
// with the Events API v2.
//
// Sources: "Send an Alert Event" (POST /v2/enqueue; routing_key of 32
// characters; dedup_key up to 255; payload.summary up to 1024; source and
// severity required; severity critical, error, warning or info; 202, 400, 429),
// "Events API v2 Overview" (512 KB an event). All alerts of one incident share
// the dedup key, so that they gather in one of PagerDuty's.
package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.IncidentSink = (*Sink)(nil)

const endpoint = "https://events.pagerduty.com/v2/enqueue"

// Config names the service's integration.
type Config struct {
	// URL is for PagerDuty's EU region: https://events.eu.pagerduty.com/v2/enqueue.
	peer.HTTP `yaml:",inline"`
	// RoutingKeyFile or RoutingKeyEnv holds the integration key.
	RoutingKeyFile string `yaml:"routing_key_file"`
	RoutingKeyEnv  string `yaml:"routing_key_env"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if peer.Count(c.RoutingKeyFile, c.RoutingKeyEnv) != 1 {
		return errors.New("routing_key_file: set it or routing_key_env to where the integration key is")
	}
	return c.HTTP.Validate(endpoint)
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door {
	return peer.Door{HTTP: c.HTTP, Fallback: endpoint, Secret: peer.From("routing_key", c.RoutingKeyFile, c.RoutingKeyEnv)}
}

// Check reads the key and connects to PagerDuty.
func (c Config) Check(ctx context.Context) error { return peer.Check(ctx, c) }

// Sink sends to one integration. It is safe for concurrent use.
type Sink struct{ peer.Service }

// New reads the key; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	s, err := peer.Open(name, c, o)
	if err != nil {
		return nil, err
	}
	return &Sink{s}, nil
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	return s.DeliverIncident(ctx, nil, d)
}

type change struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client,omitempty"`
	Payload    *payload `json:"payload,omitempty"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Timestamp string            `json:"timestamp,omitempty"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

// severities are PagerDuty's four.
var severities = map[event.Severity]string{event.Critical: "critical", event.High: "error", event.Medium: "warning", event.Low: "info", event.Info: "info"}

// keyRefused is how an answer tells that the owner's key is wrong, and not the event.
var keyRefused = regexp.MustCompile(`(?i)routing[_ ]key`)

// DeliverIncident implements alert.IncidentSink.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	e := change{RoutingKey: s.Key.Reveal(), Action: "trigger", DedupKey: render.Key(inc, d), Client: "honeyrow"}
	switch {
	case render.Over(inc): // a trigger would open another one, which nobody resolves
		e.Action = "resolve"
	case d != nil:
		n := render.Brief(inc, d)
		e.Payload = s.payload(n, d.Client.Server, d.Rule)
		e.Payload.Timestamp, e.Payload.Component, e.Payload.Group = d.Time.UTC().Format("2006-01-02T15:04:05.000Z"), render.Cut(render.Clean(d.Client.Server), 255), render.Cut(render.Clean(d.Client.Database), 255)
	case inc.State == event.Acknowledged:
		e.Action = "acknowledge"
	default: // opened again
		e.Payload = s.payload(render.Change(inc), inc.Principal.Server, "incident")
	}
	body, err := json.Marshal(e)
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode an event: %w", err))
	}
	a, err := s.Do(ctx, peer.Request{Body: body})
	switch {
	case err == nil && a.Code != http.StatusAccepted:
		return fmt.Errorf("post to %s: answer %d, want 202: is this the events API?", s.Host(), a.Code)
	case a != nil && a.Code == http.StatusBadRequest && keyRefused.Match(a.Body):
		return fmt.Errorf("post to %s: answer %d: check the integration key, which is that of an Events API v2 integration", s.Host(), a.Code)
	}
	return err
}

func (s *Sink) payload(n render.Note, source, class string) *payload {
	p := &payload{Severity: severities[n.Severity], Class: class, Details: map[string]string{"ids": n.Foot}}
	// The sentence first: it is what a telephone reads out.
	p.Summary = render.Cut(n.Title+": "+n.Summary, 1024)
	p.Source = render.Cut(render.Clean(source), 255)
	if p.Source == "" {
		p.Source = "honeyrow"
	}
	for _, f := range n.Facts {
		p.Details[f.Name] = render.Cut(f.Value, 4000)
	}
	if n.Statement != "" {
		p.Details["Statement"] = render.Cut(n.Statement, 4000)
	}
	return p
}
