package engine

import (
	"errors"
	"fmt"
	"time"
)

// Config is the engine's part of the configuration.
type Config struct {
	// MaxStatement is how many bytes of a statement's text are kept as
	// evidence. All of it is searched in any case.
	MaxStatement int `yaml:"max_statement"`
	// RedactLiterals replaces the literals in statements of detections by ?.
	RedactLiterals bool `yaml:"redact_literals"`
	// Parameters puts bound parameters into detections.
	Parameters bool `yaml:"parameters"`
	// Disguises has values found in what leaves in codes too: hex, base64,
	// escapes, UTF-16, digests, piece by piece. It takes part from the next Swap
	// on, and costs: see docs/performance.md.
	Disguises bool `yaml:"disguises"`
	// Statements has statements judged by what they ask: injection, reading the
	// catalogue, files and programs of the server. It takes part only at a start.
	Statements bool `yaml:"statements"`
	// Coincidence is the chance from which the hits of a detection are doubted: if
	// ordinary rows give as much with a greater one, its severity is low and
	// nothing is refused.
	Coincidence float64 `yaml:"coincidence"`
	// Fold is how long hits in texts that belong to no statement
	// (notifications, notices) are counted in one detection.
	Fold time.Duration `yaml:"fold"`
}

// DefaultConfig returns the values used where the configuration is silent.
func DefaultConfig() Config {
	return Config{MaxStatement: 64 << 10, Coincidence: 0.05, Disguises: true, Statements: true, Fold: 10 * time.Second}
}

// Validate returns every mistake, with what to do.
func (c Config) Validate() error {
	var errs []error
	if c.MaxStatement < 256 || c.MaxStatement > 16<<20 {
		errs = append(errs, fmt.Errorf("engine: max_statement is %d: use 256 to 16777216 bytes", c.MaxStatement))
	}
	if c.Coincidence < 0 || c.Coincidence > 1 {
		errs = append(errs, fmt.Errorf("engine: coincidence is %g: use 0 (doubt all but the impossible) to 1 (doubt nothing)", c.Coincidence))
	}
	if c.Fold < 0 || c.Fold > time.Hour {
		errs = append(errs, fmt.Errorf("engine: fold is %s: use 0s to 1h", c.Fold))
	}
	return errors.Join(errs...)
}
