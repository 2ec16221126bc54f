package main

import (
	"context"
	"time"

	"honeyrow/integration/bench/machine"
)

const loadRounds = 3 // at most: a start varies little

// load is one start of honeyrow.
type load struct {
	Server  string  `json:"server"` // a product's name
	Target  string  `json:"target"`
	Round   int     `json:"round"`
	Tokens  int     `json:"tokens"`
	Seconds float64 `json:"seconds"` // until a client is logged in
	CPU     float64 `json:"cpu_s"`
	Rest    uint64  `json:"rest"` // resident bytes once it stands still, without its workers
	Peak    uint64  `json:"peak"` // the most that it had
}

// load measures what it takes to begin to watch: reading the registry, and
// building what looks for the tokens.
func (l *lane) load(ctx context.Context) {
	for round := range min(l.rounds, loadRounds) {
		for _, t := range l.all {
			v, ok := variants[t.name]
			if !ok || ctx.Err() != nil {
				continue
			}
			l.note("%s load: round %d of %d, %s", l.of.title, round+1, min(l.rounds, loadRounds), t.name)
			m := load{Server: l.of.name, Target: t.name, Round: round, Tokens: v.tokens(l.options)}
			if err := l.start(ctx, t, &m); err != nil {
				l.problem(ctx, "start of %s: %v", t.name, err)
				continue
			}
			l.loads = append(l.loads, m)
		}
	}
}

func (l *lane) start(ctx context.Context, t target, m *load) error {
	began := time.Now()
	p, err := t.start(ctx, l, l.server.Addr())
	if err != nil {
		return err
	}
	defer p.stop()
	m.Seconds, m.CPU = time.Since(began).Seconds(), p.tree().CPU().Seconds()
	if m.Rest, _, err = settled(ctx, p); err != nil {
		return err
	}
	m.Peak, err = machine.PeakRSS(p.cmd.Process.Pid)
	return err
}
