package app

import (
	"errors"
	"sync"

	"honeyrow/alert"
	"honeyrow/engine"
	"honeyrow/event"
)

// beatsMissed is how many signs of life in a row the registry must fail to take
// before it counts as not to be written: a busy machine misses one.
const beatsMissed = 3

// outboxRule stands in the log for what is refused while alerts cannot be recorded.
const outboxRule = "alerts.unwritable"

// outboxState is whether detections can be committed, and what that means for the
// traffic.
type outboxState struct {
	mu       sync.Mutex
	engine   *engine.Engine // nil: not made yet
	refuse   bool           // what the operator chose
	recorder error          // of the last commit
	beat     error          // of the last signs of life
	missed   int
}

// choose takes the operator's choice over.
func (o *outboxState) choose(c *Config) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = c.Alerts.Unwritable == alert.UnwritableRefuse
	o.apply()
}

// bind names the engine that is to refuse.
func (o *outboxState) bind(e *engine.Engine) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.engine = e
	o.apply()
}

// recorderFared is told how commits go: nil, well.
func (o *outboxState) recorderFared(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.recorder = err
	o.apply()
}

// beatFared is told how a sign of life went, which is a write as well: trouble is
// known before there is a hit.
func (o *outboxState) beatFared(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.missed, o.beat = 0, nil
	} else if o.missed++; o.missed >= beatsMissed {
		o.beat = err
	}
	o.apply()
}

// refusing returns why traffic is refused, nil if it is not.
func (o *outboxState) refusing() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.why()
}

func (o *outboxState) why() error {
	if !o.refuse {
		return nil
	}
	return errors.Join(o.recorder, o.beat)
}

// apply is called with mu held.
func (o *outboxState) apply() {
	if o.engine == nil {
		return
	}
	if o.why() == nil {
		o.engine.Bar(nil)
		return
	}
	o.engine.Bar(&event.Verdict{Action: event.Block, Rule: outboxRule, Message: "the audit of this service can't be written now: try again later"})
}
