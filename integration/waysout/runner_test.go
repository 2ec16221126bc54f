package waysout

import (
	"slices"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/internal/myserver"
)

// deed is one attempt of a way, of either product.
type deed struct {
	product, way, mode string
	release            myserver.Release // the zero one: PostgreSQL
	gate               *gate
	want               story
	as                 string // the disguise that the detection must name
	// do opens a session through p, goes the way and ends the session.
	do func(t *testing.T, p *tap)
	// check looks at what else must hold after the deed; d is nil where there
	// must be no detection.
	check func(t *testing.T, d *event.Detection)
}

func (d deed) name() string { return d.way + "/" + d.mode }

// go_ goes the way and returns what was reported.
func (d deed) goes(t *testing.T) ([]event.Detection, *tap) {
	t.Helper()
	p := newTap(t, d.gate)
	d.do(t, p)
	return d.gate.take(t), p
}

// reported expects one detection with the right story, by the means that are
// written down for docs/coverage.md.
func (d deed) reported(t *testing.T) {
	got, p := d.goes(t)
	if len(got) != 1 {
		t.Errorf("%d detections, want 1; received %.300q", len(got), tail(p.bytes(), 300))
		for _, g := range got {
			t.Logf("%s: %s %+v", g.Rule, g.Summary, g.Statement)
		}
		d.also(t, nil)
		return
	}
	wantStory(t, got[0], p, d.want)
	if got[0].Chance <= 0 || got[0].Chance > 0.05 || got[0].Severity < event.Medium {
		t.Errorf("chance %g, severity %v: a honey row that was read must not look like a coincidence", got[0].Chance, got[0].Severity)
	}
	if d.as != "" && !slices.ContainsFunc(got[0].Hits, func(h event.Hit) bool { return h.Means == "disguised" && h.Disguise == d.as }) {
		t.Errorf("no hit disguised as %s among %+v", d.as, got[0].Hits)
	}
	means.note(t, d, got[0])
	d.also(t, &got[0])
}

func (d deed) also(t *testing.T, got *event.Detection) {
	if d.check != nil {
		d.check(t, got)
	}
}

// silent expects nothing.
func (d deed) silent(t *testing.T) {
	got, _ := d.goes(t)
	for _, g := range got {
		t.Errorf("%s, chance %g: %s %+v", g.Rule, g.Chance, g.Summary, g.Hits)
	}
	d.also(t, nil)
}

// deeds returns the attempts of ways of PostgreSQL through a gate.
func (g *gate) deeds(ws []way) []deed {
	var out []deed
	for _, w := range ws {
		if w.channel == "" {
			sql := strings.TrimPrefix(strings.TrimPrefix(w.sql, "/*simple*/ "), "/*binary*/ ")
			w.channel, w.stmt = "row", sql[:min(len(sql), 60)]
		}
		for _, mode := range w.attempts() {
			out = append(out, deed{
				product: "PostgreSQL", way: w.name, mode: mode, gate: g, as: w.as,
				want: story{rule: w.rule(), kind: w.kind, channel: w.channel, statement: w.stmt, user: "postgres", database: "postgres"},
				do: func(t *testing.T, p *tap) {
					x := &try{talk: dial(t, p.port()), port: p.port(), mode: mode}
					w.run(x)
					x.close()
				},
			})
		}
	}
	return out
}

// deeds returns the attempts of ways of MariaDB or MySQL through a gate of the farm.
func (f *farm) deeds(g *gate, ws []myWay) []deed {
	var out []deed
	for _, w := range ws {
		for _, mode := range w.attempts() {
			out = append(out, deed{
				product: string(f.release.Kind), release: f.release, way: w.name, mode: mode, gate: g, as: w.as,
				want: story{rule: w.rule(), kind: w.kind, channel: w.channel, statement: w.stmt, user: "clerk", database: w.schema},
				do: func(t *testing.T, p *tap) {
					x := w.start(t, p, mode)
					w.run(x)
					if len(x.errs) > 0 {
						t.Logf("errors %v", x.errs)
					}
					x.close()
				},
				check: func(t *testing.T, d *event.Detection) {
					f.followed(t)
					if d != nil && (d.Client.Protocol != "mysql" || d.Client.Attributes["program_name"] == "" || d.Client.Application == "") {
						t.Errorf("client %+v", d.Client)
					}
				},
			})
		}
	}
	return out
}

func runAll(t *testing.T, ds []deed, check func(deed, *testing.T)) {
	for _, d := range ds {
		t.Run(d.name(), func(t *testing.T) { check(d, t) })
	}
}

func TestEveryWayOutMakesOneDetectionWithTheRightStory(t *testing.T) {
	runAll(t, y.alert.deeds(allWays()), deed.reported)
}

func TestEveryWayOutOfMariaDBMakesOneDetectionWithTheRightStory(t *testing.T) {
	f := mariadb(t)
	runAll(t, f.deeds(&f.alert, allMyWays(f.release)), deed.reported)
}

func TestEveryDisguiseMakesOneDetectionThatNamesIt(t *testing.T) {
	runAll(t, y.alert.deeds(disguised), deed.reported)
}

func TestEveryDisguiseOfMariaDBMakesOneDetectionThatNamesIt(t *testing.T) {
	f := mariadb(t)
	runAll(t, f.deeds(&f.alert, allMyDisguised(f.release)), deed.reported)
}

// The gates named calm watch a honey row of the same table that is like the one
// that is read, but is not there: to them that one is an ordinary neighbour, read
// by the very same statements, in its own columns and in every disguise.

func TestNoWayOfAnOrdinaryRowRaisesAnAlarm(t *testing.T) {
	runAll(t, y.calm.deeds(slices.Concat(allWays(), disguised)), deed.silent)
}

func TestNoWayOfAnOrdinaryRowOfMariaDBRaisesAnAlarm(t *testing.T) {
	f := mariadb(t)
	runAll(t, f.deeds(&f.calm, slices.Concat(allMyWays(f.release), allMyDisguised(f.release))), deed.silent)
}
