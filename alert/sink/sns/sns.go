// Package sns publishes detections to a topic of Amazon SNS, or of a service
// that is compatible with it.
//
// Source: "Amazon SNS API Reference, Publish" (Message and MessageAttributes up
// to 256 KiB together; Subject of less than 100 ASCII characters without control
// characters; MessageAttributes for filter policies; MessageGroupId and
// MessageDeduplicationId, of up to 128 characters, for FIFO topics).
package sns

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/peer"
	"honeyrow/alert/peer/aws"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.Sink = (*Sink)(nil)

const (
	// maxMessage leaves room for the attributes, which count as well.
	maxMessage = 256<<10 - 4096
	maxSubject = 99
)

// Config names the topic.
type Config struct {
	aws.Config `yaml:",inline"`
	Topic      string `yaml:"topic"` // ARN
	// Format of the message: json (default), ecs, ocsf, or text for people.
	Format string `yaml:"format"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if !strings.HasPrefix(c.Topic, "arn:") || strings.ContainsAny(c.Topic, " \n") {
		return errors.New("topic: set the topic's ARN, such as arn:aws:sns:eu-central-1:123456789012:honeyrow")
	}
	if err := format.JSON(c.Format, "text"); err != nil {
		return err
	}
	return c.Config.Validate()
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door { return c.DoorTo("sns") }

// Check reads the credentials and connects to the service.
func (c Config) Check(ctx context.Context) error { return peer.Check(ctx, c) }

// Sink publishes to one topic. It is safe for concurrent use.
type Sink struct {
	aws.Service
	cfg Config
}

// New reads the credentials; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	s, err := aws.Open(name, c, c.Config, "sns", o)
	if err != nil {
		return nil, err
	}
	return &Sink{s, c}, nil
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	text, err := format.Within(d, maxMessage, s.text)
	if err != nil {
		return err
	}
	n := render.Brief(nil, d)
	form := url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {s.cfg.Topic}, "Message": {string(text)}, "Subject": {subject(n.Title + ": " + n.Summary)},
	}
	if strings.HasSuffix(s.cfg.Topic, ".fifo") {
		form.Set("MessageGroupId", render.Key(nil, d))
		form.Set("MessageDeduplicationId", string(d.ID)+"-"+strconv.Itoa(d.Revision))
	}
	for i, a := range [][2]string{{"severity", n.Severity.String()}, {"rule", d.Rule}, {"detection", string(d.ID)}, {"revision", strconv.Itoa(d.Revision)}} {
		at := "MessageAttributes.entry." + strconv.Itoa(i+1)
		form.Set(at+".Name", a[0])
		form.Set(at+".Value.DataType", "String")
		form.Set(at+".Value.StringValue", a[1])
	}
	body := []byte(form.Encode())
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return s.Post(ctx, peer.Request{Header: h, Body: body})
}

func (s *Sink) text(d *event.Detection) ([]byte, error) {
	if s.cfg.Format == "text" {
		return []byte(render.Text(d, render.Options{})), nil
	}
	return format.Encode(s.cfg.Format, d)
}

// subject makes maxSubject printable ASCII characters of s.
func subject(s string) string {
	out := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return out[:min(len(out), maxSubject)]
}
