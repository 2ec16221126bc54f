package tracing

import (
	"errors"
	"fmt"

	"honeyrow/alert/peer"
)

// Config is where traces go. The zero Config makes none.
type Config struct {
	// URL is the collector's: https://otel.corp:4318. Without a path it is
	// /v1/traces.
	peer.HTTP `yaml:",inline"`
	// BearerFile or BearerEnv holds a token for the Authorization header.
	BearerFile string `yaml:"bearer_file"`
	BearerEnv  string `yaml:"bearer_env"`
	// Share of the sessions that have a span, from above 0 to 1; 0: all. A
	// statement that led to an alert always has one.
	Share float64 `yaml:"share"`
	// Statements is the share of all runs of statements that have a span, from 0
	// (the default: none) to 1, whether anything was found or not.
	Statements float64 `yaml:"statements"`
}

// Enabled reports whether traces are wanted.
func (c Config) Enabled() bool { return c != Config{} }

func (c Config) share() float64 {
	if c.Share == 0 {
		return 1
	}
	return c.Share
}

// Validate reports what cannot work. It does not read files.
func (c Config) Validate() error {
	switch {
	case !c.Enabled():
		return nil
	case !peer.Only(c.BearerFile, c.BearerEnv):
		return errors.New("bearer_file: set it or bearer_env, not both")
	case c.Share < 0 || c.Share > 1:
		return fmt.Errorf("share: %v is out of range: use a number above 0 up to 1, such as 0.1", c.Share)
	case c.Statements < 0 || c.Statements > 1:
		return fmt.Errorf("statements: %v is out of range: use a number from 0 to 1, such as 0.001", c.Statements)
	}
	return c.HTTP.Validate("")
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door {
	return peer.Door{HTTP: c.HTTP, Secret: peer.From("bearer", c.BearerFile, c.BearerEnv)}
}
