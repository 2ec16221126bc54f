package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"honeyrow/integration/bench/paired"
)

// The bars of issue 4, for all products: everything on.
const (
	allIssue       = 4
	allPoints      = 0.93 // of the relay's throughput
	allCPU         = 1.3  // of the relay's CPU time
	allWide        = 0.80 // of the relay's throughput, rows of text
	millionWide    = 0.70
	millionMB      = 300
	millionSeconds = 10
	// novelShapes is the benchmark's own: what the analysis may cost the traffic
	// that it runs beside, if no statement is like any before.
	novelShapes = 0.75
)

// judge holds honeyrow's figures against the bars that the project set itself:
// values alone against those of the issue of each product, everything against
// issue 4's. Figures that are no part of a bar are not judged.
func judge(r *report) []bar {
	var j jury
	for _, x := range r.Rows {
		of := productOf(x.Server)
		if _, ok := variants[x.Target]; !ok || of == nil {
			continue
		}
		b := bar{Server: x.Server, Workload: x.Workload, Cell: x.Cell, Target: x.Target, Issue: allIssue}
		if x.Target == honeyrowValues {
			b.Issue = of.issue
		}
		switch x.Workload {
		case "point", "novel":
			j.points(b, x, of)
		case "wide":
			j.wide(b, x, of)
		}
	}
	for _, m := range r.Memory {
		if of := productOf(m.Server); of != nil && m.Target == honeyrowAll {
			b := bar{Server: m.Server, Workload: "mem", Cell: strconv.Itoa(m.Sessions), Target: m.Target, Issue: of.issue}
			j.most(b, "KiB per idle session", m.Each, 16, "KiB")
		}
	}
	for _, s := range r.Starts {
		if s.Target == honeyrowMillion {
			b := bar{Server: s.Server, Workload: "load", Target: s.Target, Issue: allIssue}
			j.most(b, "loaded in", s.Seconds, millionSeconds, "s")
			j.most(b, "memory at rest", s.Rest, millionMB, "MB")
		}
	}
	return j.bars
}

// jury collects bars.
type jury struct{ bars []bar }

func (j *jury) least(b bar, figure string, value paired.Dist, limit float64) {
	b.Figure, b.Value, b.Limit, b.AtLeast = figure, value, limit, true
	b.Met = value.Median >= limit
	if value.N > 0 {
		j.bars = append(j.bars, b)
	}
}

func (j *jury) most(b bar, figure string, value paired.Dist, limit float64, unit string) {
	b.Figure, b.Value, b.Limit, b.Unit = figure, value, limit, unit
	b.Met = value.Median <= limit
	if value.N > 0 {
		j.bars = append(j.bars, b)
	}
}

func (j *jury) points(b bar, x row, of *product) {
	tps, cpu := allPoints, allCPU
	if x.Target == honeyrowValues {
		tps, cpu = 0.95, 1.2
	}
	if strings.HasPrefix(x.Cell, "shapes") {
		if x.Target == honeyrowAll {
			b.Issue = 0
			j.least(b, "tps / relay", x.ToRelay, novelShapes)
		}
		return
	}
	j.least(b, "tps / relay", x.ToRelay, tps)
	j.most(b, "proxy CPU / relay", x.CPUToRelay, cpu, "")
	if x.Workload == "point" && of.latency > 0 && strings.HasSuffix(x.Cell, " 1") {
		b.Issue = of.issue
		j.most(b, "latency over relay", x.AddedRelay, of.latency, "ms")
	}
}

func (j *jury) wide(b bar, x row, of *product) {
	for _, c := range of.cells {
		switch {
		case c.name != x.Cell:
		case x.Target == honeyrowMillion:
			j.least(b, "MB/s / relay", x.ToRelay, millionWide)
		case x.Target == honeyrowAll && c.text:
			j.least(b, "MB/s / relay", x.ToRelay, allWide)
		default:
			b.Issue = of.issue
			j.least(b, "MB/s / relay", x.ToRelay, c.least)
		}
	}
}

// summariseLoads sums up the starts, in the order of the products and targets.
func summariseLoads(ls []load) []loadRow {
	const mb = 1e6
	by := map[[2]string][]load{}
	var cells [][2]string
	for _, l := range ls {
		c := [2]string{l.Server, l.Target}
		if by[c] == nil {
			cells = append(cells, c)
		}
		by[c] = append(by[c], l)
	}
	slices.SortStableFunc(cells, func(a, b [2]string) int {
		return cmp.Or(slices.Index(productNames(), a[0])-slices.Index(productNames(), b[0]),
			slices.Index(targetNames, a[1])-slices.Index(targetNames, b[1]))
	})
	var rows []loadRow
	for _, c := range cells {
		of := func(f func(load) float64) paired.Dist {
			var xs []float64
			for _, l := range by[c] {
				xs = append(xs, f(l))
			}
			return paired.Of(xs)
		}
		rows = append(rows, loadRow{
			Server: c[0], Target: c[1], Tokens: by[c][0].Tokens,
			Seconds: of(func(l load) float64 { return l.Seconds }), CPU: of(func(l load) float64 { return l.CPU }),
			Rest: of(func(l load) float64 { return float64(l.Rest) / mb }), Peak: of(func(l load) float64 { return float64(l.Peak) / mb }),
		})
	}
	return rows
}

// from names where the bar comes from.
func (b bar) from() string {
	if b.Issue == 0 {
		return "own"
	}
	return fmt.Sprintf("issue %d", b.Issue)
}
