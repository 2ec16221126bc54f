package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
				Server: "postgres", Workload: "point", Cell: "simple 1", Target: t.name, Round: round, Work: rate, Seconds: 1, Rate: rate,
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
	ws := []weight{{Server: "postgres", Target: "honeyrow", Sessions: 500, Against: "postgres", Rest: 10 << 20, RestWorkers: 5 << 20, Held: 10<<20 + 500*20<<10, HeldWorkers: 5 << 20}}
	r := &report{Rows: summarise(twoRounds()), Memory: summariseMemory(ws), Problems: []string{"relay fell over"}}
	r.Bars = judge(r)
	want := map[string]string{
		"tps / relay": "missed by 0.0300", "proxy CPU / relay": "met", "latency over relay": "missed by 0.0450 ms",
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
		for _, s := range []string{"tps / relay >= 0.93: missed by 0.0300 (issue 4)", "<= 16 KiB: missed by 4.00 KiB (issue 2)", "relay fell over", "simple 1"} {
			if !strings.Contains(out, s) {
				t.Errorf("%s report has no %q:\n%s", name, s, out)
			}
		}
	}
}

func TestWideBarsAreThoseOfTheirTarget(t *testing.T) {
	var rows []row
	for _, p := range products {
		for _, c := range p.cells {
			for _, t := range []string{honeyrowAll, honeyrowValues, honeyrowMillion} {
				rows = append(rows, row{Server: p.name, Workload: "wide", Cell: c.name, Target: t, ToRelay: paired.Of([]float64{0.78})})
			}
		}
	}
	var got []string
	for _, b := range judge(&report{Rows: rows}) {
		got = append(got, b.Server+" "+b.Cell+", "+b.Target+" "+b.limit()+" "+b.verdict()+" "+b.from())
	}
	want := []string{
		"postgres simple text, honeyrow >= 0.8 missed by 0.0200 issue 4",
		"postgres simple text, honeyrow-values >= 0.85 missed by 0.0700 issue 2",
		"postgres simple text, honeyrow-million >= 0.7 met issue 4",
		"postgres extended binary, honeyrow >= 0.8 missed by 0.0200 issue 2",
		"postgres extended binary, honeyrow-values >= 0.8 missed by 0.0200 issue 2",
		"postgres extended binary, honeyrow-million >= 0.7 met issue 4",
		"postgres copy, honeyrow >= 0.8 missed by 0.0200 issue 2",
		"postgres copy, honeyrow-values >= 0.8 missed by 0.0200 issue 2",
		"postgres copy, honeyrow-million >= 0.7 met issue 4",
		"mariadb query text, honeyrow >= 0.8 missed by 0.0200 issue 4",
		"mariadb query text, honeyrow-values >= 0.85 missed by 0.0700 issue 3",
		"mariadb query text, honeyrow-million >= 0.7 met issue 4",
		"mariadb execute binary, honeyrow >= 0.8 missed by 0.0200 issue 3",
		"mariadb execute binary, honeyrow-values >= 0.8 missed by 0.0200 issue 3",
		"mariadb execute binary, honeyrow-million >= 0.7 met issue 4",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAStartIsHeldAgainstTheBarsOfAMillionTokens(t *testing.T) {
	r := &report{Starts: summariseLoads([]load{
		{Server: "mariadb", Target: honeyrowMillion, Tokens: 1_000_000, Seconds: 9, Rest: 310e6, Peak: 900e6},
		{Server: "mariadb", Target: honeyrowMillion, Tokens: 1_000_000, Round: 1, Seconds: 10, Rest: 320e6, Peak: 900e6},
		{Server: "mariadb", Target: honeyrowAll, Tokens: 10_000, Seconds: 1, Rest: 3000e6},
	})}
	r.Bars = judge(r)
	var text bytes.Buffer
	writeText(&text, r)
	for _, s := range []string{"loaded in <= 10 s: met (issue 4)", "memory at rest <= 300 MB: missed by 15.0 MB (issue 4)", "honeyrow-million  1000000  9.50"} {
		if !strings.Contains(text.String(), s) {
			t.Errorf("the report has no %q:\n%s", s, text.String())
		}
	}
	if len(r.Bars) != 2 {
		t.Errorf("bars %+v", r.Bars)
	}
}

// The same cell of both servers must neither be mixed nor be held against the
// other's bars.
func TestServersAreToldApart(t *testing.T) {
	samples := twoRounds()
	for _, s := range twoRounds() {
		if s.Server = "mariadb"; s.Target == "honeyrow" {
			s.Rate *= 0.9
		}
		samples = append([]sample{s}, samples...)
	}
	r := &report{Rows: summarise(samples), Targets: []targetNote{
		{"postgres", "relay", "frames"}, {"postgres", "honeyrow", "3 tokens"}, {"mariadb", "relay", "frames"}, {"mariadb", "honeyrow", "4 tokens"},
	}}
	r.Bars = judge(r)
	var got []string
	for _, b := range r.Bars {
		got = append(got, fmt.Sprintf("%s %s %.3g", b.Server, b.Figure, b.Value.Median))
	}
	want := []string{
		"postgres tps / relay 0.9", "postgres proxy CPU / relay 1.1", "postgres latency over relay 0.075",
		"mariadb tps / relay 0.81", "mariadb proxy CPU / relay 1.1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("bars %q, want %q", got, want)
	}
	var text bytes.Buffer
	writeText(&text, r)
	for _, s := range []string{
		"in front of PostgreSQL and MariaDB: frames", "honeyrow, in front of MariaDB: 4 tokens",
		"PostgreSQL: honeyrow and its bars", "MariaDB: honeyrow and its bars",
	} {
		if !strings.Contains(text.String(), s) {
			t.Errorf("the report has no %q:\n%s", s, text.String())
		}
	}
	if n := strings.Count(text.String(), "tps / relay >= 0.93: missed by"); n != 2 {
		t.Errorf("%d verdicts beside figures, want one for each server:\n%s", n, text.String())
	}
}
