// Package sink is the list of destinations for detections.
package sink

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/sink/console"
	"honeyrow/alert/sink/file"
	"honeyrow/alert/sink/program"
	"honeyrow/alert/sink/webhook"
)

// Config describes one sink: a name, a type, and the fields of that type.
//
//	sinks:
//	  - name: archive
//	    type: file
//	    path: /var/log/honeyrow/alerts.jsonl
type Config struct {
	Name    string         `yaml:"name"`
	Type    string         `yaml:"type"`
	File    file.Config    `yaml:",inline"`
	Console console.Config `yaml:",inline"`
	Program program.Config `yaml:",inline"`
	Webhook webhook.Config `yaml:",inline"`
}

// Deps are what sinks need from the process.
type Deps struct {
	Console io.Writer        // nil: standard output
	Now     func() time.Time // nil: time.Now
}

// kind is one type of sink.
type kind struct {
	name string
	// own clears the fields of the type: what is left belongs to another.
	own      func(*Config)
	validate func(Config) error
	open     func(Config, Deps) (alert.Sink, error)
}

// kinds is the one list of sinks, in alphabetical order.
var kinds = []kind{
	{
		"console", func(c *Config) { c.Console = console.Config{} },
		func(c Config) error { return c.Console.Validate() },
		func(c Config, d Deps) (alert.Sink, error) { return console.New(c.Name, c.Console, d.Console) },
	},
	{
		"file", func(c *Config) { c.File = file.Config{} },
		func(c Config) error { return c.File.Validate() },
		func(c Config, _ Deps) (alert.Sink, error) { return file.New(c.Name, c.File) },
	},
	{
		"program", func(c *Config) { c.Program = program.Config{} },
		func(c Config) error { return c.Program.Validate() },
		func(c Config, _ Deps) (alert.Sink, error) { return program.New(c.Name, c.Program) },
	},
	{
		"webhook", func(c *Config) { c.Webhook = webhook.Config{} },
		func(c Config) error { return c.Webhook.Validate() },
		func(c Config, d Deps) (alert.Sink, error) {
			return webhook.New(c.Name, c.Webhook, webhook.Options{Now: d.Now})
		},
	},
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
	k, err := c.kind()
	if err != nil {
		return fmt.Errorf("sink %s: %w", c.Name, err)
	}
	rest := c
	k.own(&rest)
	if rest.File != (file.Config{}) || rest.Console != (console.Config{}) || rest.Webhook != (webhook.Config{}) || !rest.Program.Empty() {
		return fmt.Errorf("sink %s: it has fields of another type than %s: remove them or change its type", c.Name, c.Type)
	}
	if err := k.validate(c); err != nil {
		return fmt.Errorf("sink %s: %w", c.Name, err)
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
	s, err := k.open(c, d)
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", c.Name, err)
	}
	return s, nil
}

// NewAll opens all sinks, or none.
func NewAll(cs []Config, d Deps) ([]alert.Sink, error) {
	if err := ValidateAll(cs); err != nil {
		return nil, err
	}
	var sinks []alert.Sink
	for _, c := range cs {
		s, err := New(c, d)
		if err != nil {
			for _, open := range sinks {
				_ = open.Close()
			}
			return nil, err
		}
		sinks = append(sinks, s)
	}
	return sinks, nil
}
