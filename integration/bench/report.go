package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"honeyrow/integration/bench/machine"
	"honeyrow/integration/bench/paired"
)

// report is all that a run found. Its JSON is what --json writes.
type report struct {
	Date     time.Time     `json:"date"`
	Commit   string        `json:"commit,omitempty"`
	Options  string        `json:"options"`
	Took     float64       `json:"took_s"`
	Machine  machine.Facts `json:"machine"`
	Load     [2]float64    `json:"load_before_after"`
	Versions []string      `json:"versions"`
	Targets  []targetNote  `json:"targets"`
	Rows     []row         `json:"rows"`
	Memory   []memoryRow   `json:"memory"`
	Bars     []bar         `json:"bars"`
	Notes    []string      `json:"notes"`
	Problems []string      `json:"problems"`
	Samples  []sample      `json:"samples"`
	Weights  []weight      `json:"weights"`
	Starts   []loadRow     `json:"starts"`
	Loads    []load        `json:"loads"`
}

type targetNote struct {
	Server string `json:"server"` // a product's name
	Name   string `json:"name"`
	About  string `json:"about"`
}

// row sums up a target in a cell. Dists over other targets pair by round.
type row struct {
	Server   string      `json:"server"` // a product's name
	Workload string      `json:"workload"`
	Cell     string      `json:"cell"`
	Target   string      `json:"target"`
	Rate     paired.Dist `json:"rate"`       // units a second
	Latency  paired.Dist `json:"latency_ms"` // point queries only
	CPU      paired.Dist `json:"proxy_cpu"`  // microseconds a query or connection, seconds a GB
	AllCPU   paired.Dist `json:"all_cpu"`    // the same of client, proxy and server
	Foreign  paired.Dist `json:"foreign"`

	ToDirect   paired.Dist `json:"rate_to_direct"`
	ToRelay    paired.Dist `json:"rate_to_relay"`
	CPUToRelay paired.Dist `json:"cpu_to_relay"`
	Added      paired.Dist `json:"latency_over_direct_ms"`
	AddedRelay paired.Dist `json:"latency_over_relay_ms"`
}

type memoryRow struct {
	Server   string      `json:"server"` // a product's name
	Target   string      `json:"target"`
	Sessions int         `json:"sessions"`
	Against  string      `json:"against"` // the product's name or "stub"
	Rest     paired.Dist `json:"rest_mib"`
	Workers  paired.Dist `json:"rest_workers_mib"` // part of Rest
	Held     paired.Dist `json:"held_mib"`
	Each     paired.Dist `json:"kib_per_session"`
}

// loadRow sums up the starts of a target.
type loadRow struct {
	Server  string      `json:"server"` // a product's name
	Target  string      `json:"target"`
	Tokens  int         `json:"tokens"`
	Seconds paired.Dist `json:"seconds"`
	CPU     paired.Dist `json:"cpu_s"`
	Rest    paired.Dist `json:"rest_mb"` // of a million bytes
	Peak    paired.Dist `json:"peak_mb"`
}

// bar is a figure of honeyrow beside what the project asks of it.
type bar struct {
	Figure  string      `json:"figure"`
	Value   paired.Dist `json:"value"`
	Limit   float64     `json:"bar"`
	AtLeast bool        `json:"at_least"` // else at most
	Unit    string      `json:"unit,omitempty"`
	Met     bool        `json:"met"`
	Issue   int         `json:"issue"` // where it comes from; 0: the benchmark's own
	Target  string      `json:"target"`

	Server   string `json:"server"` // a product's name
	Workload string `json:"workload"`
	Cell     string `json:"cell"`
}

// unitOf says how many of the report's CPU units a second of CPU per unit of work is.
func unitOf(workload string) float64 {
	if workload == "wide" {
		return 1e9 // seconds a GB
	}
	return 1e6 // microseconds a query or connection
}

func (b *bench) report() *report {
	r := &report{
		Date: b.started.UTC().Truncate(time.Second), Commit: commit(), Took: time.Since(b.started).Seconds(),
		Options: fmt.Sprintf("rounds %d, of several clients %d, seconds %d, scale %d, wide rows %d, tokens %d and %d", b.rounds, b.crowded, b.seconds, b.scale, b.rows, b.tokens, b.million),
		Machine: b.facts, Load: b.load, Versions: b.versions, Targets: b.about, Notes: b.notes, Problems: b.problems, Samples: b.samples, Weights: b.weights, Loads: b.loads,
	}
	r.Rows, r.Memory = summarise(b.samples), summariseMemory(b.weights)
	r.Starts = summariseLoads(b.loads)
	r.Bars = judge(r)
	return r
}

// commit names the sources, if git knows them.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// summarise makes a row for each cell and target, in the order of the products,
// the samples' first appearance by cell, and targetNames within it.
func summarise(samples []sample) []row {
	type cell struct{ server, workload, name string }
	var cells []cell
	by := map[cell]map[string][]sample{}
	for _, s := range samples {
		c := cell{s.Server, s.Workload, s.Cell}
		if by[c] == nil {
			by[c] = map[string][]sample{}
			cells = append(cells, c)
		}
		by[c][s.Target] = append(by[c][s.Target], s)
	}
	slices.SortStableFunc(cells, func(a, b cell) int {
		return cmp.Or(slices.Index(productNames(), a.server)-slices.Index(productNames(), b.server),
			slices.Index(workloads, a.workload)-slices.Index(workloads, b.workload))
	})
	var rows []row
	for _, c := range cells {
		for _, t := range targetNames {
			if len(by[c][t]) > 0 {
				rows = append(rows, compare(by[c], t))
			}
		}
	}
	return rows
}

// compare sums up target t beside the other targets of its cell.
func compare(by map[string][]sample, t string) row {
	r := row{Server: by[t][0].Server, Workload: by[t][0].Workload, Cell: by[t][0].Cell, Target: t}
	unit := unitOf(r.Workload)
	rate := func(s sample) float64 { return s.Rate }
	latency := func(s sample) float64 { return s.Latency }
	cpu := func(s sample) float64 { return s.CPU / s.Work * unit }
	r.Rate, r.Latency = spread(by[t], rate), spread(by[t], latency)
	r.CPU = spread(by[t], cpu)
	r.AllCPU = spread(by[t], func(s sample) float64 { return s.AllCPU / s.Work * unit })
	r.Foreign = spread(by[t], func(s sample) float64 { return s.Foreign })
	r.ToDirect = paired.Ratios(rounds(by[t], rate), rounds(by["direct"], rate))
	r.ToRelay = paired.Ratios(rounds(by[t], rate), rounds(by["relay"], rate))
	if t != "direct" {
		r.CPUToRelay = paired.Ratios(rounds(by[t], cpu), rounds(by["relay"], cpu))
	}
	r.Added = paired.Differences(rounds(by[t], latency), rounds(by["direct"], latency))
	r.AddedRelay = paired.Differences(rounds(by[t], latency), rounds(by["relay"], latency))
	return r
}

func spread(ss []sample, f func(sample) float64) paired.Dist {
	var xs []float64
	for _, s := range ss {
		xs = append(xs, f(s))
	}
	return paired.Of(xs)
}

func rounds(ss []sample, f func(sample) float64) map[int]float64 {
	m := map[int]float64{}
	for _, s := range ss {
		m[s.Round] = f(s)
	}
	return m
}

func summariseMemory(ws []weight) []memoryRow {
	const mib = 1 << 20
	type cell struct {
		server, target string
		sessions       int
	}
	by := map[cell][]weight{}
	var cells []cell
	for _, w := range ws {
		c := cell{w.Server, w.Target, w.Sessions}
		if by[c] == nil {
			cells = append(cells, c)
		}
		by[c] = append(by[c], w)
	}
	slices.SortStableFunc(cells, func(a, b cell) int {
		return cmp.Or(slices.Index(productNames(), a.server)-slices.Index(productNames(), b.server),
			slices.Index(targetNames, a.target)-slices.Index(targetNames, b.target), a.sessions-b.sessions)
	})
	var rows []memoryRow
	for _, c := range cells {
		m := memoryRow{Server: c.server, Target: c.target, Sessions: c.sessions, Against: by[c][0].Against}
		var rest, workers, held, each []float64
		for _, w := range by[c] {
			rest = append(rest, float64(w.Rest+w.RestWorkers)/mib)
			workers = append(workers, float64(w.RestWorkers)/mib)
			held = append(held, float64(w.Held+w.HeldWorkers)/mib)
			each = append(each, w.PerSession()/1024)
		}
		m.Rest, m.Workers, m.Held, m.Each = paired.Of(rest), paired.Of(workers), paired.Of(held), paired.Of(each)
		rows = append(rows, m)
	}
	return rows
}

// verdict says whether the bar is met, and by how much it is missed.
func (b bar) verdict() string {
	if b.Met {
		return "met"
	}
	miss := b.Limit - b.Value.Median
	if !b.AtLeast {
		miss = -miss
	}
	return "missed by " + strings.TrimSpace(figure(miss)+" "+b.Unit)
}

// limit is the bar itself in words.
func (b bar) limit() string {
	sign := "<="
	if b.AtLeast {
		sign = ">="
	}
	return strings.TrimSpace(fmt.Sprintf("%s %g %s", sign, b.Limit, b.Unit))
}
