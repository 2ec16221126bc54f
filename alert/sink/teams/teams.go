// Package teams posts detections to a chat or channel of Microsoft Teams,
// through a workflow ("Post to a channel when a webhook request is received").
//
// Sources: "Create incoming webhooks with Workflows for Microsoft Teams" (a
// message with one adaptive card as attachment; 202 or 200), "Adaptive Cards"
// schema 1.4 (TextRun knows no Markdown, unlike TextBlock and FactSet), "Limits
// and specifications for Microsoft Teams" (28 KB a message).
package teams

import (
	"context"
	"encoding/json"
	"fmt"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.IncidentSink = (*Sink)(nil)

// Config is the workflow's address, which is a secret.
type Config = peer.Hook

// Sink posts to one channel. It is safe for concurrent use.
type Sink struct{ peer.Service }

// New reads the address; it makes no connection.
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

// DeliverIncident implements alert.IncidentSink: a change of state is a message
// of its own, since a workflow can't edit the first one.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	n := render.Told(inc, d)
	body, err := json.Marshal(card(n))
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode a card: %w", err))
	}
	_, err = s.Do(ctx, peer.Request{Body: body})
	return err
}

type object = map[string]any

// colors are those of an adaptive card.
var colors = map[event.Severity]string{event.Critical: "attention", event.High: "attention", event.Medium: "warning", event.Low: "accent", event.Info: "default"}

// card makes the message. Texts are cut so that the whole stays far below 28 KB,
// even if every character took the six bytes of an escape.
func card(n render.Note) object {
	body := []object{
		runs(run(n.Title, 150, object{"weight": "bolder", "size": "large", "color": colors[n.Severity]})),
		runs(run(n.Summary, 600, nil)),
	}
	for _, f := range n.Facts {
		body = append(body, runs(run(f.Name+": ", 30, object{"weight": "bolder"}), run(f.Value, 200, nil)))
	}
	if n.Statement != "" {
		body = append(body, runs(run(n.Statement, 600, object{"fontType": "monospace"})))
	}
	body = append(body, runs(run(n.Foot, 200, object{"isSubtle": true, "size": "small"})))
	return object{"type": "message", "attachments": []object{{
		"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil,
		"content": object{
			"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
			"body": body, "msteams": object{"width": "Full"},
		},
	}}}
}

func runs(inlines ...object) object {
	return object{"type": "RichTextBlock", "inlines": inlines}
}

func run(s string, max int, style object) object {
	o := object{"type": "TextRun", "text": render.Cut(s, max)}
	for k, v := range style {
		o[k] = v
	}
	return o
}
