// Package opsgenie creates, acknowledges and closes alerts of Opsgenie, or of
// its successor, Jira Service Management Operations, which serves the same API
// for integrations.
//
// Sources: Atlassian, "Opsgenie Alert API" and "Jira Service Management
// integration events API" (POST /v2/alerts with Authorization: GenieKey;
// message up to 130 characters, alias 512, description 15000, entity 512,
// source 100, 20 tags of 50, details 8000 in all; 202). All alerts of one
// incident share the alias, so that Opsgenie counts them in one.
package opsgenie

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.IncidentSink = (*Sink)(nil)

const endpoint = "https://api.opsgenie.com"

// Config names the integration.
type Config struct {
	// URL is where /v2/alerts is: empty for Opsgenie, https://api.eu.opsgenie.com
	// for its EU region, https://api.atlassian.com/jsm/ops/integration for Jira
	// Service Management.
	peer.HTTP `yaml:",inline"`
	// APIKeyFile or APIKeyEnv holds the integration's API key.
	APIKeyFile string   `yaml:"api_key_file"`
	APIKeyEnv  string   `yaml:"api_key_env"`
	Tags       []string `yaml:"tags"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if peer.Count(c.APIKeyFile, c.APIKeyEnv) != 1 {
		return errors.New("api_key_file: set it or api_key_env to where the integration's key is")
	}
	if len(c.Tags) > 16 {
		return errors.New("tags: use up to 16: 20 are allowed, and some are honeyrow's own")
	}
	return c.HTTP.Validate(endpoint)
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door {
	return peer.Door{HTTP: c.HTTP, Fallback: endpoint, Secret: peer.From("api_key", c.APIKeyFile, c.APIKeyEnv)}
}

// Check reads the key and connects.
func (c Config) Check(ctx context.Context) error { return peer.Check(ctx, c) }

// Sink sends to one integration. It is safe for concurrent use.
type Sink struct {
	peer.Service
	tags []string
}

// New reads the key; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	s, err := peer.Open(name, c, o)
	if err != nil {
		return nil, err
	}
	return &Sink{s, c.Tags}, nil
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	return s.DeliverIncident(ctx, nil, d)
}

type object = map[string]any

var priorities = map[event.Severity]string{event.Critical: "P1", event.High: "P2", event.Medium: "P3", event.Low: "P4", event.Info: "P5"}

// DeliverIncident implements alert.IncidentSink.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	key := render.Key(inc, d)
	switch {
	case render.Over(inc) && d != nil: // the alias of a closed alert would make another one
		return s.follow(ctx, key, "notes", render.Brief(inc, d))
	case render.Over(inc):
		return s.follow(ctx, key, "close", render.Change(inc))
	case d != nil:
		return s.post(ctx, "v2/alerts", nil, s.create(key, d.Client.Server, render.Brief(inc, d)))
	case inc.State == event.Acknowledged:
		return s.follow(ctx, key, "acknowledge", render.Change(inc))
	}
	return s.post(ctx, "v2/alerts", nil, s.create(key, inc.Principal.Server, render.Change(inc)))
}

func (s *Sink) create(key, server string, n render.Note) object {
	details, left := map[string]string{}, 6000
	for _, f := range n.Facts {
		v := render.Cut(f.Value, 1000)
		if left -= len(v); left > 0 {
			details[f.Name] = v
		}
	}
	tags := []string{"honeyrow", n.Severity.String()}
	for _, t := range s.tags {
		tags = append(tags, render.Cut(t, 50))
	}
	return object{
		"message": render.Cut(n.Title+": "+n.Summary, 130), "alias": key, "description": render.Cut(n.Lines(), 15000),
		"entity": render.Cut(render.Clean(server), 512), "source": "honeyrow", "priority": priorities[n.Severity], "tags": tags, "details": details,
	}
}

func (s *Sink) follow(ctx context.Context, key, what string, n render.Note) error {
	body := object{"source": "honeyrow", "note": render.Cut(n.Title+": "+n.Summary, 25000)}
	return s.post(ctx, "v2/alerts/"+url.PathEscape(key)+"/"+what, url.Values{"identifierType": {"alias"}}, body)
}

func (s *Sink) post(ctx context.Context, path string, q url.Values, o object) error {
	body, err := json.Marshal(o)
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode an alert: %w", err))
	}
	a, err := s.Do(ctx, peer.Request{Path: path, Query: q, Body: body, Header: http.Header{"Authorization": {"GenieKey " + s.Key.Reveal()}}})
	if a != nil && a.Code == http.StatusUnprocessableEntity && bytes.Contains(a.Body, []byte("Key format")) {
		return fmt.Errorf("post to %s: answer %d: check the key, which is that of an API integration", s.Host(), a.Code)
	}
	return err
}
