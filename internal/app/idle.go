package app

import (
	"errors"
	"os"

	"honeyrow/internal/config"
	"honeyrow/rules"
)

// given is what the configuration gives the rules to judge by.
func (c *Config) given() rules.Given {
	g := rules.Given{Statements: c.Alerts.Statements, Learning: c.Learn.Path != ""}
	if g.Learning {
		_, err := os.Stat(c.Learn.Path)
		g.Baseline = err == nil
	}
	return g
}

// IdleRules lists the rules of a set, as RulesOf gives it, that do nothing with
// the configuration called name; without a name, with the defaults.
func IdleRules(name string, set *rules.Set) ([]rules.Idle, error) {
	c := DefaultConfig()
	if name != "" {
		f, err := config.Load(name)
		if err != nil {
			return nil, err
		}
		c.file = f
		if err := f.Decode(c); err != nil {
			return nil, err
		}
		if c.Learn.Path != "" {
			c.Learn.Path = f.Abs(c.Learn.Path)
		}
	}
	g := c.given()
	return set.Idle(g), errors.Join(set.Dead(g)...)
}
