// Package sink is the list of destinations for detections.
package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/sink/console"
	"honeyrow/alert/sink/elastic"
	"honeyrow/alert/sink/file"
	"honeyrow/alert/sink/jira"
	"honeyrow/alert/sink/kafka"
	"honeyrow/alert/sink/mail"
	"honeyrow/alert/sink/nats"
	"honeyrow/alert/sink/opsgenie"
	"honeyrow/alert/sink/pagerduty"
	"honeyrow/alert/sink/program"
	"honeyrow/alert/sink/ses"
	"honeyrow/alert/sink/slack"
	"honeyrow/alert/sink/sns"
	"honeyrow/alert/sink/splunk"
	"honeyrow/alert/sink/syslog"
	"honeyrow/alert/sink/teams"
	"honeyrow/alert/sink/webhook"
)

// Options are the fields of one type of sink.
type Options interface{ Validate() error }

// Config describes one sink: a name, a type, what it gets, and the fields of
// its type.
//
//	sinks:
//	  - name: archive
//	    type: file
//	    path: /var/log/honeyrow/alerts.jsonl
//	    only: {severity: medium}
type Config struct {
	Name         string `yaml:"name"`
	Type         string `yaml:"type"`
	alert.Policy `yaml:",inline"`
	// Options are a pointer to the Config of the type's package.
	Options Options `yaml:"-"`
}

// Selector implements config.Variant.
func (*Config) Selector() string { return "type" }

// Variant implements config.Variant.
func (c *Config) Variant(value string) any {
	for _, k := range kinds {
		if k.name == value {
			c.Options = k.fresh()
			return c.Options
		}
	}
	return nil
}

// Variants implements config.Variant.
func (*Config) Variants() []any {
	all := make([]any, len(kinds))
	for i, k := range kinds {
		all[i] = k.fresh()
	}
	return all
}

// MarshalYAML implements yaml.Marshaler: the fields of the type stand beside the others.
func (c Config) MarshalYAML() (any, error) {
	type common Config
	var own, out yaml.Node
	if err := out.Encode(common(c)); err != nil {
		return nil, err
	}
	if c.Options != nil {
		if err := own.Encode(c.Options); err != nil {
			return nil, err
		}
		out.Content = append(out.Content, own.Content...)
	}
	return &out, nil
}

// Deps are what sinks need from the process.
type Deps struct {
	Console io.Writer        // nil: standard output
	Now     func() time.Time // nil: time.Now
	Dial    peer.Dial        // nil: the network
}

func (d Deps) peer() peer.Options { return peer.Options{Now: d.Now, Dial: d.Dial} }

// kind is one type of sink.
type kind struct {
	name  string
	fresh func() Options
	open  func(name string, o Options, d Deps) (alert.Sink, error)
}

// of makes the kind whose fields are C.
func of[C any, P interface {
	*C
	Options
}, S alert.Sink](name string, open func(name string, c C, d Deps) (S, error),
) kind {
	return kind{
		name:  name,
		fresh: func() Options { return P(new(C)) },
		open: func(name string, o Options, d Deps) (alert.Sink, error) {
			c, ok := o.(P)
			if !ok {
				return nil, fmt.Errorf("its fields are %T: they belong to another type", o)
			}
			s, err := open(name, *c, d)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

// remote is of for a sink that needs nothing but the network and a clock.
func remote[C any, P interface {
	*C
	Options
}, S alert.Sink](name string, open func(name string, c C, o peer.Options) (S, error),
) kind {
	return of[C, P](name, func(name string, c C, d Deps) (S, error) { return open(name, c, d.peer()) })
}

// kinds is the one list of sinks, in alphabetical order.
var kinds = []kind{
	of("console", func(name string, c console.Config, d Deps) (*console.Sink, error) {
		return console.New(name, c, d.Console)
	}),
	remote("elastic", elastic.New),
	of("file", func(name string, c file.Config, _ Deps) (*file.Sink, error) { return file.New(name, c) }),
	remote("jira", jira.New),
	remote("kafka", kafka.New),
	remote("mail", mail.New),
	remote("nats", nats.New),
	remote("opsgenie", opsgenie.New),
	remote("pagerduty", pagerduty.New),
	of("program", func(name string, c program.Config, _ Deps) (*program.Sink, error) { return program.New(name, c) }),
	remote("ses", ses.New),
	remote("slack", slack.New),
	remote("sns", sns.New),
	remote("splunk", splunk.New),
	remote("syslog", syslog.New),
	remote("teams", teams.New),
	remote("webhook", webhook.New),
}

// Types returns the types that a configuration may name.
func Types() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

func (c Config) kind() (kind, error) {
	for _, k := range kinds {
		if k.name == c.Type {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("type: %q is unknown: use one of %s", c.Type, strings.Join(Types(), ", "))
}

// Validate reports what cannot work, without touching files or networks.
func (c Config) Validate() error {
	if c.Name == "" {
		return errors.New("name: give the sink a name; deliveries are remembered under it")
	}
	_, err := c.kind()
	if err == nil && c.Options == nil {
		err = errors.New("it has no fields")
	}
	if err == nil {
		err = c.Options.Validate()
	}
	if err == nil {
		err = c.Policy.Validate()
	}
	if err == nil {
		if err = c.Retry.Or(alert.DefaultRetry()).Validate(); err != nil {
			err = fmt.Errorf("retry.%w", err)
		}
	}
	if err != nil {
		return fmt.Errorf("sink %s: %w", c.Name, err)
	}
	return nil
}

// Check reports why the sink can't be used now, without sending anything.
func (c Config) Check(ctx context.Context) error {
	if k, ok := c.Options.(interface{ Check(context.Context) error }); ok {
		return k.Check(ctx)
	}
	return nil
}

// ValidateAll checks a list of sinks and that their names differ.
func ValidateAll(cs []Config) error {
	seen := map[string]bool{}
	var errs []error
	for _, c := range cs {
		errs = append(errs, c.Validate())
		if seen[c.Name] {
			errs = append(errs, fmt.Errorf("sink %s: the name is taken: give each sink its own", c.Name))
		}
		seen[c.Name] = true
	}
	return errors.Join(errs...)
}

// New opens the sink that c describes.
func New(c Config, d Deps) (alert.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if d.Console == nil {
		d.Console = os.Stdout
	}
	k, err := c.kind()
	if err != nil {
		return nil, err
	}
	s, err := k.open(c.Name, c.Options, d)
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", c.Name, err)
	}
	return s, nil
}

// NewAll opens all sinks, or none.
func NewAll(cs []Config, d Deps) ([]alert.Route, error) {
	if err := ValidateAll(cs); err != nil {
		return nil, err
	}
	var routes []alert.Route
	for _, c := range cs {
		s, err := New(c, d)
		if err != nil {
			for _, open := range routes {
				_ = open.Sink.Close()
			}
			return nil, err
		}
		routes = append(routes, alert.Route{Sink: s, Policy: c.Policy})
	}
	return routes, nil
}
