// Package incident decides which detections are one incident, how grave it is,
// what a person is told of it, and with which commands it can be contained. It
// keeps nothing: a store carries a Case from one commit to the next.
package incident

import (
	"errors"
	"fmt"
	"time"
)

// Config says how detections become incidents.
type Config struct {
	// Quiet is how long an incident waits for a further detection; what comes
	// later is another one.
	Quiet time.Duration `yaml:"quiet"`
	// Rows is how many different honey rows make an incident graver.
	Rows int `yaml:"rows"`
	// NewFor is how long somebody counts as new after the first login that was
	// seen; WarmUp how long the registry must have kept logins before anybody does;
	// Identities how many are kept, those seen last.
	NewFor     time.Duration `yaml:"new_for"`
	WarmUp     time.Duration `yaml:"warm_up"`
	Identities int           `yaml:"identities"`
	Throttle   Throttle      `yaml:"throttle"`
}

// Throttle holds back deliveries of one incident that tell nothing new (no new
// rule, table or honey row, no higher severity) to the sinks named. The last one
// held back leaves when Every is over and says how many there were.
type Throttle struct {
	Sinks []string      `yaml:"sinks"`
	After int           `yaml:"after"` // deliveries that pass first
	Every time.Duration `yaml:"every"`
}

// DefaultConfig closes a group after half an hour of quiet and holds nothing back.
func DefaultConfig() Config {
	return Config{
		Quiet: 30 * time.Minute, Rows: 3, NewFor: 24 * time.Hour, WarmUp: 7 * 24 * time.Hour, Identities: 20_000,
		Throttle: Throttle{After: 5, Every: 10 * time.Minute},
	}
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Quiet < time.Second || c.Quiet > 7*24*time.Hour:
		return fmt.Errorf("quiet: %s is out of range: use 1s to 168h, such as 30m", c.Quiet)
	case c.Rows < 2:
		return fmt.Errorf("rows: %d: set two or more, such as 3", c.Rows)
	case c.NewFor < 0:
		return fmt.Errorf("new_for: %s: set a time, or 0 so that nobody counts as new", c.NewFor)
	case c.WarmUp < 0:
		return fmt.Errorf("warm_up: %s: set a time, such as 168h", c.WarmUp)
	case c.Identities < 100 || c.Identities > 1_000_000:
		return fmt.Errorf("identities: %d is out of range: use 100 to 1000000", c.Identities)
	case c.Throttle.After < 1:
		return errors.New("throttle.after: set one or more, such as 5")
	case c.Throttle.Every < time.Second || c.Throttle.Every > 24*time.Hour:
		return fmt.Errorf("throttle.every: %s is out of range: use 1s to 24h, such as 10m", c.Throttle.Every)
	}
	return nil
}

// Policy is a Config with what was made ready for it.
type Policy struct {
	Config
	// OffHours reports whether nobody should be at work; nil: somebody always may.
	OffHours func(time.Time) bool
}
