package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/integration/bench/paired"
)

// twoRounds has a noisy second round that slows all targets by half.
func twoRounds() []sample {
	var ss []sample
	for round, slow := range []float64{1, 2} {
		for _, t := range []struct {
			name              string
			rate, latency, us float64
		}{{"direct", 1000, 0.1, 0}, {"relay", 800, 0.2, 20}, {"honeyrow", 720, 0.25, 22}} {
			rate := t.rate / slow
			ss = append(ss, sample{
				Workload: "point", Cell: "simple 1", Target: t.name, Round: round, Work: rate, Seconds: 1, Rate: rate,
				Latency: t.latency * slow, CPU: t.us * rate / 1e6, AllCPU: rate / 1e4, Foreign: 0.5 * (slow - 1),
			})
		}
	}
	return ss
}

func TestRatiosCancelWhatARoundDidToAll(t *testing.T) {
	rows := summarise(twoRounds())
	if len(rows) != 3 || rows[2].Target != "honeyrow" {
		t.Fatalf("rows %+v", rows)
	}
	r := rows[2]
	checks := []struct {
		name string
		got  paired.Dist
		want float64
	}{
		{"tps over relay", r.ToRelay, 0.9},
		{"tps over direct", r.ToDirect, 0.72},
		{"CPU over relay", r.CPUToRelay, 1.1},
		{"CPU a query", r.CPU, 22},
	}
	for _, c := range checks {
		if d := c.got.Median - c.want; c.got.N != 2 || d > 1e-9 || d < -1e-9 || c.got.Spread > 1e-9 {
			t.Errorf("%s: %+v, want %v without spread", c.name, c.got, c.want)
		}
	}
	if r.Rate.Spread == 0 {
		t.Error("the plain rate shows no spread though one round was slow")
	}
}

func TestReportShowsEachBarBesideItsFigure(t *testing.T) {
	ws := []weight{{Target: "honeyrow", Sessions: 500, Server: "postgresql", Rest: 10 << 20, RestWorkers: 5 << 20, Held: 10<<20 + 500*20<<10, HeldWorkers: 5 << 20}}
	r := &report{Rows: summarise(twoRounds()), Memory: summariseMemory(ws), Problems: []string{"relay fell over"}}
	r.Bars = judge(r.Rows, r.Memory)
	want := map[string]string{
		"tps / relay": "missed by 0.0500", "proxy CPU / relay": "met", "latency over relay": "missed by 0.0450 ms",
		"KiB per idle session": "missed by 4.00 KiB",
	}
	for _, b := range r.Bars {
		if b.verdict() != want[b.Figure] {
			t.Errorf("%s: %q, want %q (%+v)", b.Figure, b.verdict(), want[b.Figure], b.Value)
		}
		delete(want, b.Figure)
	}
	if len(want) > 0 {
		t.Errorf("not judged: %v", want)
	}
	var text bytes.Buffer
	writeText(&text, r)
	file := filepath.Join(t.TempDir(), "figures.md")
	if err := writeMarkdown(file, r); err != nil {
		t.Fatal(err)
	}
	md, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"text": text.String(), "markdown": string(md)} {
		for _, s := range []string{"tps / relay >= 0.95: missed by 0.0500", "<= 16 KiB: missed by 4.00 KiB", "relay fell over", "simple 1"} {
			if !strings.Contains(out, s) {
				t.Errorf("%s report has no %q:\n%s", name, s, out)
			}
		}
	}
}

func TestWideBarsAreLowerForCopyAndBinary(t *testing.T) {
	var rows []row
	for _, c := range wideCells {
		rows = append(rows, row{Workload: "wide", Cell: c.name, Target: "honeyrow", ToRelay: paired.Of([]float64{0.82})})
	}
	var got []string
	for _, b := range judge(rows, nil) {
		got = append(got, b.cell+" "+b.limit()+" "+b.verdict())
	}
	want := []string{"simple text >= 0.85 missed by 0.0300", "extended binary >= 0.8 met", "copy >= 0.8 met"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}
