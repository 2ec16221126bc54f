// Package ses sends detections by e-mail through the API of Amazon SES, or of a
// service that is compatible with it. For SES over SMTP use the mail sink.
//
// Source: "Amazon SES API v2 Reference, SendEmail" (POST
// /v2/email/outbound-emails; FromEmailAddress, whose name is encoded by RFC 2047;
// Destination of 50 addresses; Content.Simple), "MessageHeader" (values of up to 870
// printable ASCII characters). A message has its Message-ID from SES: readers know
// a repeat by nothing, and a thread by its headers.
package ses

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/peer/aws"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.IncidentSink = (*Sink)(nil)

// Config names the people.
type Config struct {
	aws.Config `yaml:",inline"`
	From       string   `yaml:"from"`
	To         []string `yaml:"to"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if _, err := netmail.ParseAddress(c.From); err != nil {
		return errors.New("from: set the sender's address, such as honeyrow@corp.example")
	}
	if len(c.To) == 0 || len(c.To) > 50 {
		return errors.New("to: name who gets alerts, 50 at most, such as [soc@corp.example]")
	}
	for _, to := range c.To {
		if _, err := netmail.ParseAddress(to); err != nil {
			return fmt.Errorf("to: %q is no address", to)
		}
	}
	return c.Config.Validate()
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door { return c.DoorTo("email") }

// Check reads the credentials and connects to the service.
func (c Config) Check(ctx context.Context) error { return peer.Check(ctx, c) }

// Sink sends through one account. It is safe for concurrent use.
type Sink struct {
	aws.Service
	from *netmail.Address
	to   []string
}

// New reads the credentials; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	service, err := aws.Open(name, c, c.Config, "ses", o)
	if err != nil {
		return nil, err
	}
	s := &Sink{Service: service}
	if s.from, err = netmail.ParseAddress(c.From); err != nil {
		return nil, err
	}
	// As headers have them: names beyond ASCII are encoded words.
	for _, text := range c.To {
		to, err := netmail.ParseAddress(text)
		if err != nil {
			return nil, err
		}
		s.to = append(s.to, to.String())
	}
	return s, nil
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	return s.DeliverIncident(ctx, nil, d)
}

type object = map[string]any

// DeliverIncident implements alert.IncidentSink.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	l, err := render.Mail(inc, d)
	if err != nil {
		return alert.Permanent(fmt.Errorf("make a mail: %w", err))
	}
	utf8 := func(s string) object { return object{"Data": s, "Charset": "UTF-8"} }
	_, domain, _ := strings.Cut(s.from.Address, "@")
	thread := "<" + l.Thread + "@" + domain + ">"
	headers := []object{{"Name": "In-Reply-To", "Value": thread}, {"Name": "References", "Value": thread}, {"Name": "Auto-Submitted", "Value": "auto-generated"}}
	if l.Important {
		headers = append(headers, object{"Name": "Importance", "Value": "high"}, object{"Name": "X-Priority", "Value": "1"})
	}
	body, err := json.Marshal(object{
		"FromEmailAddress": s.from.String(), "Destination": object{"ToAddresses": s.to},
		"Content": object{"Simple": object{
			"Subject": utf8(l.Subject), "Body": object{"Text": utf8(l.Text), "Html": utf8(l.HTML)}, "Headers": headers,
		}},
	})
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode a mail: %w", err))
	}
	return s.Post(ctx, peer.Request{Path: "v2/email/outbound-emails", Body: body})
}
