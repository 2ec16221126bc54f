// Package ses sends detections by e-mail through the API of Amazon SES, or of a
// service that is compatible with it. For SES over SMTP use the mail sink.
//
// Source: "Amazon SES API v2 Reference, SendEmail" (POST
// /v2/email/outbound-emails; FromEmailAddress, Destination, Content.Simple).
package ses

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	netmail "net/mail"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/peer/aws"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.IncidentSink = (*Sink)(nil)

// Config names the people.
type Config struct {
	// URL is that of a compatible service; empty: Amazon's own of the region.
	peer.HTTP  `yaml:",inline"`
	aws.Config `yaml:",inline"`
	From       string   `yaml:"from"`
	To         []string `yaml:"to"`
}

func (c Config) endpoint() string { return "https://email." + c.Region + ".amazonaws.com" }

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
	if err := c.Config.Validate(); err != nil {
		return err
	}
	return c.HTTP.Validate(c.endpoint())
}

// Check reads the credentials and connects to the service.
func (c Config) Check(ctx context.Context) error {
	if _, err := aws.New(c.Config, "ses", nil); err != nil {
		return err
	}
	return c.HTTP.Check(ctx, c.endpoint())
}

// Sink sends through one account. It is safe for concurrent use.
type Sink struct {
	name   string
	cfg    Config
	client *peer.Client
	signer *aws.Signer
}

// New reads the credentials; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	client, err := peer.NewClient(c.HTTP, c.endpoint(), o)
	if err != nil {
		return nil, err
	}
	signer, err := aws.New(c.Config, "ses", client.Now)
	if err != nil {
		return nil, err
	}
	return &Sink{name, c, client, signer}, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// Close implements alert.Sink.
func (s *Sink) Close() error { return s.client.Close() }

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	return s.DeliverIncident(ctx, nil, d)
}

type object = map[string]any

// DeliverIncident implements alert.IncidentSink.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	n, text := render.Note{}, ""
	if d != nil {
		n, text = render.Brief(inc, d), render.Text(d, render.Options{})
	} else {
		n = render.Change(inc)
		text = n.Lines()
	}
	utf8 := func(s string) object { return object{"Data": s, "Charset": "UTF-8"} }
	body, err := json.Marshal(object{
		"FromEmailAddress": s.cfg.From, "Destination": object{"ToAddresses": s.cfg.To},
		"Content": object{"Simple": object{
			"Subject": utf8(render.Cut(n.Title+": "+n.Summary, 200)),
			"Body":    object{"Text": utf8(text)},
		}},
	})
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode a mail: %w", err))
	}
	_, err = s.client.Do(ctx, peer.Request{Path: "v2/email/outbound-emails", Body: body, Sign: s.signer.Sign(ctx, body)})
	return err
}
