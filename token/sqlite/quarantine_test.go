package sqlite

import (
	"errors"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

func shutOut(t *testing.T, k *desk, by, subject string, d time.Duration) event.Quarantined {
	t.Helper()
	q, err := k.Shut(t.Context(), event.Quarantined{
		ID: event.NewID(), By: by, Server: "crm", Subject: subject, Rule: "shut", Detection: "d1", Message: "ask us", Since: k.now, Until: k.now.Add(d),
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestAQuarantineOutlivesItsProcessAndEndsByTheClock(t *testing.T) {
	k := newDesk(t, nil)
	a := shutOut(t, k, "user", "mallory", time.Hour)
	b := shutOut(t, k, "address", "10.0.0.7", 10*time.Minute)
	if err := k.Refused(t.Context(), map[event.ID]int{a.ID: 3, "gone": 1}); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	k.Store = openAt(t, k.path, func() time.Time { return k.now })
	qs, err := k.Quarantines(t.Context(), false)
	if err != nil || len(qs) != 2 || qs[0].ID != b.ID || qs[1].Subject != "mallory" || qs[1].Refused != 3 || qs[1].Message != "ask us" || !qs[1].Until.Equal(a.Until) {
		t.Fatalf("after a restart: %+v, %v", qs, err)
	}
	k.now = k.now.Add(30 * time.Minute)
	if qs, err = k.Quarantines(t.Context(), false); err != nil || len(qs) != 1 || qs[0].ID != a.ID {
		t.Errorf("when the time of one is up: %+v, %v", qs, err)
	}
	if _, err := k.Lift(t.Context(), b.ID, "", ""); !errors.Is(err, ErrNotQuarantined) {
		t.Errorf("lifting one that is over: %v", err)
	}
	if qs, err = k.Quarantines(t.Context(), true); err != nil || len(qs) != 2 {
		t.Errorf("all: %+v, %v", qs, err)
	}
	k.now = k.now.Add(endedKept + time.Hour)
	shutOut(t, k, "user", "eve", time.Hour)
	if qs, err = k.Quarantines(t.Context(), true); err != nil || len(qs) != 1 || qs[0].Subject != "eve" {
		t.Errorf("a month later: %+v, %v", qs, err)
	}
}

func TestASubjectIsInQuarantineOnceUntilTheLaterTime(t *testing.T) {
	k := newDesk(t, nil)
	v, err := k.QuarantineVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := shutOut(t, k, "user", "mallory", time.Hour)
	for _, c := range []struct {
		d, want time.Duration
	}{{time.Minute, time.Hour}, {2 * time.Hour, 2 * time.Hour}} {
		q := shutOut(t, k, "user", "mallory", c.d)
		if q.ID != first.ID || !q.Until.Equal(k.now.Add(c.want)) {
			t.Errorf("again for %s: %+v", c.d, q)
		}
	}
	if now, err := k.QuarantineVersion(t.Context()); err != nil || now != v+2 {
		t.Errorf("version %d, %v; want one more for the beginning and one for the longer time than %d", now, err, v)
	}
	q, err := k.Lift(t.Context(), first.ID, "bob@desk", "our own job")
	if err != nil || q.LiftedBy != "bob@desk" || q.LiftNote != "our own job" || !q.Lifted.Equal(k.now) {
		t.Fatalf("lifted: %+v, %v", q, err)
	}
	if qs, _ := k.Quarantines(t.Context(), false); len(qs) != 0 {
		t.Errorf("in quarantine after all: %+v", qs)
	}
	if q := shutOut(t, k, "user", "mallory", time.Minute); q.ID == first.ID || !q.Until.Equal(k.now.Add(time.Minute)) {
		t.Errorf("the next one is the lifted one: %+v", q)
	}
}

func TestTheAuditHasQuarantinesAndNobodyReadsThemInTheFile(t *testing.T) {
	for alteration, says := range map[string]string{
		"":                                       "",
		"UPDATE quarantine SET ended = 5":        "is not what was committed",
		"UPDATE quarantine SET until = 1":        "is not what was committed",
		"UPDATE quarantine SET body = x'00'":     "is not what was committed",
		"DELETE FROM quarantine":                 "was removed outside honeyrow",
		"UPDATE audit SET note = '' WHERE n = 2": "does not follow",
	} {
		t.Run(alteration, func(t *testing.T) {
			k := newDesk(t, nil)
			shutOut(t, k, "user", "mallory-the-user", time.Hour)
			if alteration != "" {
				alter(t, k.path, alteration)
			}
			a, err := k.Verify(t.Context(), nil)
			switch {
			case err != nil:
				t.Fatal(err)
			case says == "" && (a.Broken != nil || a.Links != 2):
				t.Errorf("%+v", a)
			case says != "" && (a.Broken == nil || a.Broken.N != 2 || !strings.Contains(a.Broken.What, says)):
				t.Errorf("broken %+v, want %q", a.Broken, says)
			}
			var texts int
			if err := k.read.QueryRow("SELECT count(*) FROM quarantine WHERE instr(body, CAST('mallory' AS BLOB)) > 0").Scan(&texts); err != nil || texts != 0 {
				t.Errorf("%d bodies name the user, %v", texts, err)
			}
		})
	}
}
