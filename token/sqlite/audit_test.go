package sqlite

import (
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
)

// chained is a desk with five detections, of which one is revised, and a
// decision. Links: 1 begins, 2 to 6 are detections, 7 a revision of the second,
// 8 a decision.
func chained(t *testing.T) (*desk, []event.Detection) {
	k := newDesk(t, nil)
	var ds []event.Detection
	for range 5 {
		d := k.seen(func(d *event.Detection) { d.Hits[0].Row = "row" })
		k.put(d)
		ds = append(ds, d)
	}
	revised := ds[1]
	revised.Revision = 2
	k.put(revised)
	if _, err := k.Decide(t.Context(), "1", alert.Decision{To: event.Acknowledged, By: "alice"}); err != nil {
		t.Fatal(err)
	}
	return k, ds
}

func TestTheAuditNamesTheFirstBrokenLink(t *testing.T) {
	for name, c := range map[string]struct {
		alter string
		n     uint64 // 0: nothing is broken
		says  string
	}{
		"untouched":                          {"", 0, ""},
		"a detection's body is altered":      {"UPDATE detection SET body = x'00' WHERE link = 4", 4, "is not what was committed"},
		"another detection's body":           {"UPDATE detection SET body = (SELECT body FROM detection WHERE link = 5) WHERE link = 4", 4, "is not what was committed"},
		"a detection is removed":             {"DELETE FROM delivery; DELETE FROM detection WHERE link = 5", 5, "was removed"},
		"a link is altered":                  {"UPDATE audit SET ref = 'x/1' WHERE n = 3", 3, "does not follow"},
		"a link's time is altered":           {"UPDATE audit SET at = at + 1 WHERE n = 3", 3, "does not follow"},
		"a link is removed":                  {"DELETE FROM audit WHERE n = 3", 3, "is missing"},
		"the last link is removed":           {"DELETE FROM audit WHERE n = 8", 8, "should end at 8"},
		"the first links are removed":        {"DELETE FROM audit WHERE n < 4", 1, "is missing"},
		"detection and link are removed":     {"DELETE FROM delivery; DELETE FROM detection WHERE link = 6; DELETE FROM audit WHERE n = 6", 6, "is missing"},
		"the sealed end is removed":          {"DELETE FROM meta WHERE name = 'audit head'", 8, "sealed end"},
		"the sealed end is altered":          {"UPDATE meta SET value = x'00' WHERE name = 'audit head'", 0, "audit head"},
		"the change is removed":              {"DELETE FROM incident_change", 8, "was removed"},
		"the incident's state is altered":    {"UPDATE incident SET state = 'resolved'", 8, "its last change made it acknowledged"},
		"a detection is listed as harmless":  {"UPDATE detection SET severity = 0 WHERE link = 4", 4, "is listed as what it is not"},
		"a detection is listed as a drill":   {"UPDATE detection SET drill = 1 WHERE link = 4", 4, "is listed as what it is not"},
		"a detection is listed as old":       {"UPDATE detection SET at = at - 1 WHERE link = 4", 4, "is listed as what it is not"},
		"its commit is":                      {"UPDATE detection SET committed = committed - 1 WHERE link = 4", 4, "is listed as what it is not"},
		"it is taken out of its incident":    {"UPDATE detection SET incident = NULL WHERE link = 4", 4, "is listed as what it is not"},
		"its number there is altered":        {"UPDATE detection SET entry = 99 WHERE link = 4", 4, "is listed as what it is not"},
		"it points to another link":          {"UPDATE detection SET link = 6 WHERE link = 4", 4, "is listed as what it is not"},
		"its revision is ahead of its links": {"UPDATE detection SET revision = 9 WHERE link = 4", 4, "no link vouches for"},
		"the incident is listed as harmless": {"UPDATE incident SET severity = 0", 8, "incident 1 is listed as what it is not"},
		"the incident is listed as old":      {"UPDATE incident SET updated = 0", 8, "incident 1 is listed as what it is not"},
		"the incident is listed as new":      {"UPDATE incident SET opened = opened + 1", 8, "incident 1 is listed as what it is not"},
		"the incident is listed as a drill":  {"UPDATE incident SET drill = 1", 8, "incident 1 is listed as what it is not"},
		"the incident has another id":        {"UPDATE incident SET id = 'x'", 8, "incident 1 is listed as what it is not"},
		"the incident's body is altered":     {"UPDATE incident SET body = x'00'", 8, "incident 1 can't be read"},
		"a revision is turned back":          {"UPDATE detection SET revision = 1 WHERE link = 7", 3, "is not what was committed"},
		"all of the chain is removed":        {"DELETE FROM audit; DELETE FROM meta WHERE name LIKE 'audit%'", 2, "no link vouches"},
		"two things: the first one is named": {"DELETE FROM audit WHERE n = 7; UPDATE audit SET at = 1 WHERE n = 4", 4, "does not follow"},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := chained(t)
			if c.alter != "" {
				alter(t, k.path, c.alter)
			}
			a := k.verified()
			switch {
			case c.says == "" && (a.Broken != nil || a.Links != 8 || a.Detections != 5 || a.Changes != 1 || a.Head.N != 8):
				t.Errorf("got %+v, %+v", a, a.Broken)
			case c.says != "" && (a.Broken == nil || a.Broken.N != c.n || !strings.Contains(a.Broken.What, c.says)):
				t.Errorf("got %+v, want link %d and %q", a.Broken, c.n, c.says)
			}
		})
	}
}

func TestAnOlderCopyOfAnIncidentInItsPlaceIsSeen(t *testing.T) {
	for name, then := range map[string]func(*desk){
		"before an alert": func(k *desk) { k.put(k.seen(nil)) },
		"before a decision": func(k *desk) {
			if _, err := k.Decide(t.Context(), "1", alert.Decision{To: event.Resolved, By: "alice"}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		k, _ := chained(t)
		alter(t, k.path, "CREATE TABLE old AS SELECT * FROM incident")
		then(k)
		if a := k.verified(); a.Broken != nil {
			t.Fatalf("%s, untouched: %+v", name, a.Broken)
		}
		alter(t, k.path, "UPDATE incident SET (revision, state, severity, updated, body) = (SELECT revision, state, severity, updated, body FROM old); DROP TABLE old")
		if a := k.verified(); a.Broken == nil || !strings.Contains(a.Broken.What, "incident 1 is") {
			t.Errorf("%s: got %+v", name, a.Broken)
		}
	}
}

func TestPruningKeepsTheAuditVerifiable(t *testing.T) {
	k, _ := chained(t)
	ds := k.due("file")
	k.settle(ds[0], ds[1], ds[3]) // the third and the rest stay
	k.now = k.now.Add(time.Hour)
	fresh := k.seen(func(d *event.Detection) { d.Client.Session, d.Client.User = "other", "other" })
	k.put(fresh)
	prune := func(want int) {
		t.Helper()
		if n, err := k.Prune(t.Context(), k.now.Add(-time.Minute), []string{"file"}, 100); n != want || err != nil {
			t.Errorf("pruned %d, %v, want %d", n, err, want)
		}
	}
	prune(3)
	a := k.verified()
	if a.Broken != nil || a.Anchor == 0 || a.Detections != 3 {
		t.Fatalf("after pruning some: %+v, %+v", a, a.Broken)
	}
	if a := k.verified(alert.Witness{N: 1, Hash: "pruned"}, *k.due("file")[0].Detection.Audit); a.Broken != nil || a.TooOld != 1 || a.Witnessed != 1 {
		t.Errorf("witnesses: %+v, %+v", a, a.Broken)
	}
	k.settle(k.due("file")...)
	k.now = k.now.Add(time.Hour)
	prune(3)
	a = k.verified()
	if a.Broken != nil || a.Detections != 0 || len(k.incidents()) != 0 {
		t.Errorf("after pruning all: %+v, %+v, %d incidents", a, a.Broken, len(k.incidents()))
	}
	if a.Links != 0 || a.Anchor != a.Head.N {
		t.Errorf("%d links are left before the anchor %d, head %d", a.Links, a.Anchor, a.Head.N)
	}
	k.put(k.seen(nil))
	if a := k.verified(); a.Broken != nil || a.Links != 1 {
		t.Errorf("afterwards: %+v, %+v", a, a.Broken)
	}
	alter(t, k.path, "DELETE FROM meta WHERE name = 'audit anchor'")
	if a := k.verified(); a.Broken == nil {
		t.Error("the anchor can be removed unseen")
	}
}

func TestAWitnessOutsideTellsACopyPutInItsPlace(t *testing.T) {
	k, _ := chained(t)
	ds := k.due("file")
	seen := *ds[len(ds)-2].Detection.Audit
	if a := k.verified(seen); a.Broken != nil || a.Witnessed != 1 {
		t.Errorf("got %+v, %+v", a, a.Broken)
	}
	wrong := seen
	wrong.Hash = strings.Repeat("0", 64)
	if a := k.verified(wrong); a.Broken == nil || a.Broken.N != seen.N {
		t.Errorf("another hash: %+v", a.Broken)
	}
	if a := k.verified(alert.Witness{N: 99, Hash: seen.Hash}); a.Broken == nil || !strings.Contains(a.Broken.What, "older copy") {
		t.Errorf("a link that the chain does not have: %+v", a.Broken)
	}
}
