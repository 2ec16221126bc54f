package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"honeyrow/engine/baseline"
)

// LearnConfig says where the baseline is.
type LearnConfig struct {
	// Path is the baseline file: what statements users and applications send.
	// Empty: there is none, and nothing can be learned.
	Path string `yaml:"path"`
}

// LearnOrder is what `honeyrow learn` leaves beside the baseline for the proxy.
type LearnOrder struct {
	Asked time.Time `json:"asked"`
	Until time.Time `json:"until"`
}

// LearnStatus is what the proxy tells of its learning, beside the baseline.
type LearnStatus struct {
	PID      int       `json:"pid"`
	Time     time.Time `json:"time"`
	Learning bool      `json:"learning"`
	Until    time.Time `json:"until,omitzero"`
	Problem  string    `json:"problem,omitempty"`
	baseline.Progress
}

// How often the proxy looks for an order, tells how it goes, and saves.
const (
	learnLook = time.Second
	learnTell = 5 * time.Second
	learnSave = time.Minute
)

func orderPath(c *Config) string  { return c.Learn.Path + ".order" }
func statusPath(c *Config) string { return c.Learn.Path + ".status" }

// errNoBaseline says what to configure.
func errNoBaseline(c *Config) error {
	return fmt.Errorf("%s names no baseline: set learn.path, and restart or reload the proxy", c.File())
}

// OrderLearning asks the running proxy to learn until a moment, or longer if it
// learns already.
func OrderLearning(c *Config, o LearnOrder) error {
	if c.Learn.Path == "" {
		return errNoBaseline(c)
	}
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return writePrivate(orderPath(c), b)
}

// EndLearning takes the order back: the proxy saves what it has learned and
// compares with it. It reports whether there was an order.
func EndLearning(c *Config) (bool, error) {
	if c.Learn.Path == "" {
		return false, errNoBaseline(c)
	}
	err := os.Remove(orderPath(c))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ReadLearning returns the order that stands, nil if there is none, and what the
// proxy last told, nil if it has told nothing yet.
func ReadLearning(c *Config) (*LearnOrder, *LearnStatus, error) {
	if c.Learn.Path == "" {
		return nil, nil, errNoBaseline(c)
	}
	o, err := readJSON[LearnOrder](orderPath(c))
	if err != nil {
		return nil, nil, err
	}
	s, err := readJSON[LearnStatus](statusPath(c))
	return o, s, err
}

func readJSON[T any](name string) (*T, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(b, v); err != nil {
		return nil, fmt.Errorf("%s: %w: delete it", name, err)
	}
	return v, nil
}

// ReadBaseline reads the configured baseline; nil if there is none yet.
func ReadBaseline(c *Config) (*baseline.Book, error) {
	if c.Learn.Path == "" {
		return nil, nil
	}
	b, err := baseline.Read(c.Learn.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// school is the proxy's learning.
type school struct {
	book    *baseline.Book    // what statements are compared with
	learner *baseline.Learner // nil: nothing is being learned
	until   time.Time
	told    time.Time
	saved   time.Time
}

// compareWith takes a baseline over, unless something is being learned.
func (a *App) compareWith(b *baseline.Book) {
	a.school.book = b
	if a.school.learner == nil {
		a.engine.SetBaseline(b)
	}
}

// learnStatements follows the orders of `honeyrow learn` until ctx ends.
func (a *App) learnStatements(ctx context.Context) {
	tick := time.NewTicker(learnLook)
	defer tick.Stop()
	for {
		a.lookAtOrder(time.Now())
		select {
		case <-ctx.Done():
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.school.learner != nil && !a.hand.over.Load() { // the order stands: it goes on after a restart
				a.save(a.school.learner.Book())
				a.tell(time.Now(), "")
			}
			return
		case <-tick.C:
		}
	}
}

func (a *App) lookAtOrder(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.school
	if a.cfg.Learn.Path == "" || a.hand.over.Load() {
		return
	}
	o, err := readJSON[LearnOrder](orderPath(a.cfg))
	switch {
	case err != nil:
		if now.Sub(s.told) >= learnSave {
			a.log.Warn().Err(err).Msg("the order to learn can't be read")
			s.told = now
		}
	case o != nil && now.Before(o.Until) && a.analysis == nil:
		if now.Sub(s.told) >= learnTell {
			a.tell(now, "alerts.statements is off: nothing can be learned")
		}
	case o != nil && now.Before(o.Until):
		s.until = o.Until
		if s.learner == nil {
			a.begin(now)
		}
		if now.Sub(s.saved) >= learnSave {
			a.save(s.learner.Book())
		}
		if now.Sub(s.told) >= learnTell {
			a.tell(now, "")
		}
	case s.learner != nil:
		a.graduate(now)
	}
}

func (a *App) begin(now time.Time) {
	s := &a.school
	s.learner = baseline.NewLearner(s.book, now)
	s.saved = now
	s.told = time.Time{}
	a.engine.SetLearner(s.learner)
	a.log.Info().Time("until", s.until).Str("file", a.cfg.Learn.Path).Msg("learning the shapes of statements: new ones make nothing graver meanwhile")
}

// graduate ends the learning: from now on statements are compared with it.
func (a *App) graduate(now time.Time) {
	s := &a.school
	s.book = s.learner.Book()
	a.engine.SetBaseline(s.book)
	a.engine.SetLearner(nil)
	problem := ""
	if !a.save(s.book) {
		problem = "the baseline could not be written: see the proxy's log"
	}
	p := s.learner.Progress()
	a.log.Info().Int("identities", p.Identities).Int("shapes", p.Shapes).Uint64("statements", p.Statements).
		Uint64("left_out", p.Left).Uint64("overflow", p.Overflow).Int("distrusted", len(p.Distrusted)).Msg("learned: statements are compared with the baseline")
	a.tellOf(now, false, p, problem)
	s.learner = nil
	if err := os.Remove(orderPath(a.cfg)); err != nil && !errors.Is(err, os.ErrNotExist) {
		a.log.Warn().Err(err).Msg("the order to learn can't be removed: remove it yourself")
	}
}

func (a *App) save(b *baseline.Book) bool {
	a.school.saved = time.Now()
	if err := baseline.Write(a.cfg.Learn.Path, b); err != nil {
		a.log.Error().Err(err).Msg("what was learned is in memory only")
		return false
	}
	return true
}

// tell writes how it goes, for `honeyrow learn status`.
func (a *App) tell(now time.Time, problem string) {
	var p baseline.Progress
	if a.school.learner != nil {
		p = a.school.learner.Progress()
	}
	a.tellOf(now, a.school.learner != nil, p, problem)
}

func (a *App) tellOf(now time.Time, learning bool, p baseline.Progress, problem string) {
	a.school.told = now
	st := LearnStatus{PID: os.Getpid(), Time: now.UTC(), Learning: learning, Problem: problem, Progress: p}
	if learning {
		st.Until = a.school.until
	}
	b, err := json.Marshal(st)
	if err == nil {
		err = writePrivate(statusPath(a.cfg), b)
	}
	if err != nil {
		a.log.Warn().Err(err).Msg("`honeyrow learn status` can't be told: the proxy must be allowed to write beside the baseline")
	}
}
