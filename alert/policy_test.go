package alert_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

func TestSinkGetsWhatItsFilterSelects(t *testing.T) {
	d := alerttest.Detection(1) // high, honey-row-read, crm-db.crm.public.customers
	d.Rules = []event.Match{{ID: "honey-row-read"}, {ID: "sql-injection", Tags: []string{"CWE-89"}}}
	d.Findings = []event.Finding{{Detector: "union-graft", Maps: []string{"T1190"}}}
	d.Reach = []string{"hr.public.salaries"}
	f := func(f alert.Filter) alert.Policy { return alert.Policy{Only: f} }
	for name, c := range map[string]struct {
		p    alert.Policy
		want bool
	}{
		"everything":           {alert.Policy{}, true},
		"its severity":         {f(alert.Filter{Severity: event.High}), true},
		"worse only":           {f(alert.Filter{Severity: event.Critical}), false},
		"its rule":             {f(alert.Filter{Rules: []string{"honey-row-read"}}), true},
		"one of its rules":     {f(alert.Filter{Rules: []string{"x", "sql-*"}}), true},
		"another rule":         {f(alert.Filter{Rules: []string{"row-read"}}), false},
		"table":                {f(alert.Filter{Tables: []string{"Customers"}}), true},
		"schema.table":         {f(alert.Filter{Tables: []string{"public.*"}}), true},
		"database":             {f(alert.Filter{Tables: []string{"crm.public.customers"}}), true},
		"server":               {f(alert.Filter{Tables: []string{"crm-db.*"}}), true},
		"table within reach":   {f(alert.Filter{Tables: []string{"salaries"}}), true},
		"another table":        {f(alert.Filter{Tables: []string{"orders", "custom"}}), false},
		"tag of a rule":        {f(alert.Filter{Tags: []string{"cwe-89"}}), true},
		"tag of a finding":     {f(alert.Filter{Tags: []string{"T1190"}}), true},
		"another tag":          {f(alert.Filter{Tags: []string{"T1"}}), false},
		"all conditions":       {f(alert.Filter{Severity: event.Low, Rules: []string{"*"}, Tables: []string{"orders"}}), false},
		"taken out by rule":    {alert.Policy{Except: alert.Filter{Rules: []string{"sql-injection"}}}, false},
		"not taken out":        {alert.Policy{Except: alert.Filter{Rules: []string{"sql-injection"}, Severity: event.Critical}}, true},
		"taken out of another": {alert.Policy{Only: alert.Filter{Severity: event.Low}, Except: alert.Filter{Tables: []string{"customers"}}}, false},
	} {
		if got := c.p.Wants(&d); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	nothing := f(alert.Filter{Rules: []string{"none"}})
	drill := alert.DrillDetection(time.Now())
	if !nothing.Wants(&drill) {
		t.Error("a drill is held back by the filter")
	}
	d.Incident = &event.Membership{Severity: event.Critical}
	if !f(alert.Filter{Severity: event.Critical}).Wants(&d) {
		t.Error("a detection of a critical incident does not count as critical")
	}
}

func TestChangeOfAnIncidentGoesWhereItsDetectionsWent(t *testing.T) {
	inc := &event.Incident{Severity: event.High, Rules: []string{"honey-row-read"}, Tables: []event.IncidentTable{{Database: "crm", Schema: "public", Table: "customers"}}}
	for name, c := range map[string]struct {
		f    alert.Filter
		want bool
	}{
		"everything":    {alert.Filter{}, true},
		"fits":          {alert.Filter{Severity: event.High, Rules: []string{"honey-*"}, Tables: []string{"public.customers"}}, true},
		"graver":        {alert.Filter{Severity: event.Critical}, false},
		"another rule":  {alert.Filter{Rules: []string{"x"}}, false},
		"another table": {alert.Filter{Tables: []string{"x"}}, false},
	} {
		if got := (alert.Policy{Only: c.f}).WantsChange(inc); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestPolicyThatCannotWorkIsRefused(t *testing.T) {
	for name, p := range map[string]alert.Policy{
		"bad pattern":      {Only: alert.Filter{Rules: []string{"["}}},
		"empty pattern":    {Except: alert.Filter{Tables: []string{""}}},
		"negative rate":    {Rate: alert.Rate{Max: -1}},
		"rate without max": {Rate: alert.Rate{Per: time.Minute}},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (alert.Policy{Only: alert.Filter{Rules: []string{"a*"}}, Rate: alert.Rate{Max: 1}}).Validate(); err != nil {
		t.Error(err)
	}
}

// withPolicy runs a loop with a policy beside an outbox with n detections.
func withPolicy(t *testing.T, p alert.Policy, n int, test func(l *alert.Loop, s *fakeSink, out *alerttest.Memory)) {
	synctest.Test(t, func(t *testing.T) {
		out, s := &alerttest.Memory{}, &fakeSink{}
		l := alert.NewLoop(out, s, testRetry, zerolog.Nop(), alert.LoopOptions{Policy: p})
		for i := range n {
			if err := out.Put(t.Context(), []event.Detection{alerttest.Detection(i)}, []string{"hook"}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); l.Run(ctx) }()
		test(l, s, out)
		cancel()
		<-done
	})
}

func TestRateHoldsBackAndCountsAndDropsNothing(t *testing.T) {
	withPolicy(t, alert.Policy{Rate: alert.Rate{Max: 10, Per: time.Minute}}, 35, func(l *alert.Loop, s *fakeSink, _ *alerttest.Memory) {
		for minute, want := range []int{10, 20, 30, 35} {
			synctest.Wait()
			if _, got := s.seen(); len(got) != want {
				t.Errorf("after %d minutes: %d delivered, want %d", minute, len(got), want)
			}
			time.Sleep(time.Minute + 100*time.Millisecond)
		}
		if st := l.Stats(); st.Limited != 25 || st.Delivered != 35 || st.Dead != 0 {
			t.Errorf("got %+v, want 25 limited and all delivered", st)
		}
	})
}

func TestFilteredDeliveriesAreSettledAndCounted(t *testing.T) {
	withPolicy(t, alert.Policy{Only: alert.Filter{Severity: event.Critical}}, 5, func(l *alert.Loop, s *fakeSink, out *alerttest.Memory) {
		synctest.Wait()
		_, got := s.seen()
		ss, err := out.Status(t.Context())
		if err != nil || len(got) != 0 || ss[0].Pending != 0 || l.Stats().Skipped != 5 || l.Stats().Delivered != 0 {
			t.Errorf("delivered %d, status %+v (%v), stats %+v", len(got), ss, err, l.Stats())
		}
	})
}

func TestOwnRetryClockTakesTheRestFromTheCommonOne(t *testing.T) {
	got := alert.RetryConfig{First: time.Minute, Timeout: time.Second}.Or(alert.DefaultRetry())
	want := alert.RetryConfig{First: time.Minute, Longest: 10 * time.Minute, MaxAge: 168 * time.Hour, Timeout: time.Second}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
