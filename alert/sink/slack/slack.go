// Package slack posts detections to a channel of Slack, through an incoming
// webhook.
//
// Sources: "Sending messages using incoming webhooks" (the address is the
// secret; errors are one word, such as channel_is_archived), "Block Kit"
// (header 150 characters, 50 blocks; rich text, whose elements know no markup),
// "Formatting text for app surfaces" (& < > are escaped),
// "Rate limits" (one message a second; 429 with Retry-After).
package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.IncidentSink = (*Sink)(nil)

// Config is the webhook's address, which is a secret.
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
// of its own, since a webhook can't edit the first one.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	body, err := json.Marshal(message(render.Told(inc, d).Within(maxText), d != nil))
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode a message: %w", err))
	}
	a, err := s.Do(ctx, peer.Request{Body: body})
	if err != nil && a != nil {
		if w := peer.Word(a.Body); w != "" {
			return fmt.Errorf("%w%s", err, w)
		}
	}
	return err
}

type object = map[string]any

// emoji of a severity.
var emoji = map[event.Severity]string{
	event.Critical: "rotating_light", event.High: "red_circle", event.Medium: "large_orange_circle", event.Low: "large_yellow_circle", event.Info: "white_circle",
}

// maxText is how many characters a message has at most. Slack documents 50 blocks
// and 3000 characters for a section, and refuses with msg_blocks_too_long what has
// some 11,000 in all.
const maxText = 7000

// message is a header, lines, and ids in small print. text is what notifications
// show; its markup is off and its control sequences escaped.
func message(n render.Note, severe bool) object {
	first := []object{text(n.Summary, maxText, false)}
	if severe {
		first = []object{{"type": "emoji", "name": emoji[n.Severity]}, text(" "+n.Summary, maxText, false)}
	}
	lines := []object{section(first...)}
	for _, f := range n.Facts {
		lines = append(lines, section(text(f.Name+": ", 100, true), text(f.Value, maxText, false)))
	}
	if n.Statement != "" {
		lines = append(lines, object{"type": "rich_text_preformatted", "elements": []object{text(n.Statement, maxText, false)}})
	}
	return object{
		"text": controls.Replace(render.Cut(n.Title+": "+n.Summary, 600)), "mrkdwn": false, "unfurl_links": false, "unfurl_media": false,
		"blocks": []object{
			{"type": "header", "text": plain(n.Title, 150)},
			{"type": "rich_text", "elements": lines},
			{"type": "context", "elements": []object{plain(n.Foot, 300)}},
		},
	}
}

// controls are the characters of Slack's control sequences: links, mentions.
var controls = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// plain is text without markup, of up to max characters.
func plain(s string, max int) object {
	return object{"type": "plain_text", "text": render.Cut(s, max), "emoji": false}
}

// section is a line of rich text. In its elements nothing is markup, whatever
// the text: what a client chose can't become a link, a mention or a style.
func section(elements ...object) object {
	return object{"type": "rich_text_section", "elements": append(elements, object{"type": "text", "text": "\n"})}
}

func text(s string, max int, bold bool) object {
	o := object{"type": "text", "text": render.Cut(s, max)}
	if bold {
		o["style"] = object{"bold": true}
	}
	return o
}
