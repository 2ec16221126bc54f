package peer

import (
	"context"

	"honeyrow/internal/config"
)

// Door is how a sink gets to a service that speaks HTTP.
type Door struct {
	HTTP
	// Fallback is the URL where none is configured; empty: one must be.
	Fallback string
	// Secret reads what the service asks for; nil: it asks for nothing, or its
	// address is the secret.
	Secret func() (config.Secret, error)
}

// From returns a Door's Secret that Secret reads from a file or a variable.
func From(what, file, env string) func() (config.Secret, error) {
	return func() (config.Secret, error) { return Secret(what, file, env) }
}

// Configured is a sink's configuration for such a service.
type Configured interface {
	Validate() error
	Door() Door
}

// Hook is the configuration of a sink whose address is all that it needs, and is a
// secret: url_file or url_env.
type Hook struct {
	HTTP `yaml:",inline"`
}

// Validate reports what cannot work.
func (c Hook) Validate() error { return c.HTTP.Validate("") }

// Door implements Configured.
func (c Hook) Door() Door { return Door{HTTP: c.HTTP} }

// Check reads the address and connects.
func (c Hook) Check(ctx context.Context) error { return Check(ctx, c) }

// Service is what every sink for such a service begins with: its name, its
// client, its secret. Sinks embed it.
type Service struct {
	*Client
	// Key is what Door.Secret read; empty without one.
	Key  config.Secret
	name string
}

// Name implements alert.Sink.
func (s Service) Name() string { return s.name }

// Open checks a configuration and reads its secrets and certificates; it makes
// no connection.
func Open(name string, c Configured, o Options) (Service, error) {
	if err := c.Validate(); err != nil {
		return Service{}, err
	}
	d := c.Door()
	s := Service{name: name}
	var err error
	if d.Secret != nil {
		if s.Key, err = d.Secret(); err != nil {
			return Service{}, err
		}
	}
	s.Client, err = NewClient(d.HTTP, d.Fallback, o)
	return s, err
}

// Check reads what a configuration names and connects to the service, without
// sending anything.
func Check(ctx context.Context, c Configured) error {
	s, err := Open("check", c, Options{})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	d := c.Door()
	return d.HTTP.Check(ctx, d.Fallback)
}
