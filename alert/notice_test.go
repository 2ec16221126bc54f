package alert_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

// told is a sink that keeps what it is given.
type told struct {
	name string
	mu   sync.Mutex
	fail int
	got  []event.Detection
}

func (s *told) Name() string { return s.name }
func (s *told) Close() error { return nil }
func (s *told) Deliver(_ context.Context, d *event.Detection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		return errors.New("busy")
	}
	s.got = append(s.got, *d)
	return nil
}

func (s *told) notices() (out []event.Detection, others int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.got {
		if d.Rule == alert.AlertsWaiting {
			out = append(out, d)
		}
	}
	return out, len(s.got) - len(out)
}

// pile is a Spill in memory.
type pile struct {
	mu sync.Mutex
	ds []event.Detection
}

func (p *pile) Path() string { return "memory" }

func (p *pile) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ds)
}

func (p *pile) Keep(ds []event.Detection) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ds = append(p.ds, ds...)
	return nil
}

func (p *pile) Replay(put func([]event.Detection) error) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := put(p.ds); err != nil {
		return 0, err
	}
	n := len(p.ds)
	p.ds = nil
	return n, nil
}

// While alerts can't be committed they are not delivered: the sinks hear that they
// wait, and of which the gravest is, however long it lasts and if they fail at first.
func TestSinksAreToldThatAlertsWait(t *testing.T) {
	for name, spill := range map[string]alert.Spill{"in the spill": new(pile), "in memory": nil} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tellSinks(t, spill) }) })
	}
}

func tellSinks(t *testing.T, spill alert.Spill) {
	store := &alerttest.Memory{}
	all, picky := &told{name: "all", fail: 2}, &told{name: "picky"}
	desk := alert.NewDesk(store, []alert.Route{
		{Sink: all}, {Sink: picky, Policy: alert.Policy{Only: alert.Filter{Rules: []string{"honey-row-read"}}}},
	}, alert.DefaultConfig(), zerolog.Nop(), alert.DeskOptions{Spill: spill})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx, 10*time.Second) }()

	d := alerttest.Detection(1)
	d.Severity, d.Summary = event.Critical, "a whole table was read"
	store.Fail(errors.New("disk full"))
	desk.Report(alerttest.Detection(2))
	desk.Report(d)
	time.Sleep(10 * time.Second)
	if ns, others := all.notices(); len(ns)+others != 0 {
		t.Errorf("after ten seconds: %+v", ns)
	}
	time.Sleep(20 * time.Second)
	ns, others := all.notices()
	if len(ns) != 1 || others != 0 {
		t.Fatalf("%d notices and %d alerts after half a minute, want 1 and 0", len(ns), others)
	}
	n := ns[0]
	gravest := n.Severity == event.Critical && strings.Contains(n.Summary, "2 alerts wait, the gravest: a whole table was read")
	if !gravest && spill != nil || n.HitCount != 2 || n.Revision != 1 || len(n.Rules) != 1 || n.Rules[0].Playbook == "" ||
		!strings.Contains(n.Summary, "disk full") || !strings.Contains(n.Summary, "no alert is delivered") {
		t.Errorf("the notice: %+v", n)
	}
	time.Sleep(16 * time.Minute)
	if ns, _ = all.notices(); len(ns) != 2 || ns[1].ID != n.ID || ns[1].Revision != 2 {
		t.Errorf("after another quarter of an hour %d notices: %+v", len(ns), ns)
	}
	if ns, _ := picky.notices(); len(ns) != 0 {
		t.Errorf("a sink that does not want it was told: %+v", ns)
	}

	store.Fail(nil)
	time.Sleep(20 * time.Minute)
	if ns, others = all.notices(); len(ns) != 2 || others != 2 {
		t.Errorf("once there is room: %d notices, %d alerts: want 2 and 2", len(ns), others)
	}
	store.Fail(errors.New("locked"))
	desk.Report(alerttest.Detection(3))
	time.Sleep(time.Minute)
	if ns, _ = all.notices(); len(ns) != 3 || ns[2].ID == n.ID || !strings.Contains(ns[2].Summary, "1 alert waits: ") || !strings.Contains(ns[2].Summary, "locked") {
		t.Errorf("of the next time: %+v", ns)
	}
	store.Fail(nil)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
