package waysout

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"honeyrow/token"
)

var update = flag.Bool("update", false, "write docs/coverage.md")

const coverageFile = "../../docs/coverage.md"

// besides are promises that other tests of this folder keep.
var besides = [][2]string{
	{"replication connection and logical decoding stream", "TestReplicationConnectionsAreReportedAndTheirStreamIsSearched"},
	{"a value copied into another table or variable: the read names the statement that copied it (both products)", "TestALaunderedValueNamesTheStatementThatCopiedIt"},
	{"neighbours, look-alikes, aggregates, random data: silence", "TestOrdinaryWorkRaisesNoAlarm"},
	{"psql's \\d commands, pgbench: silence", "TestAdministratorsToolsAndPgbenchRaiseNoAlarm"},
	{"a refusal leaves pipelines, prepared statements, transactions and others alone", "TestPipelineAndOthersOutliveARefusal"},
	{"a long refused result fails its transaction", "TestTransactionOfALongRefusedResultFails"},
	{"malformed messages end one session", "TestMalformedMessagesEndTheirSessionWithAnErrorAndNoOther"},
	{"65,535 parameters, names of 1 KiB, early Sync in COPY, closed portals, invalid UTF-8", "TestOddButLegalTrafficPasses"},
	{"TLS inside TLS", "TestTwoLayersOfTLSAreRefused"},
	{"forged cancel keys", "TestForgedCancelRequestsCancelNothing"},
	{"memory of prepared statements", "TestManyPreparedStatementsCostLittle"},
	{"control characters in names and statements", "TestNamesOfAClientCannotForgeAnAlert"},
	{"10,000 detections at once", "TestStormOfAlertsLosesNothing"},
	{"PROXY v1 and v2, unix sockets, certificates, application_name, sqlcommenter", "TestAlertNamesTheRightClient"},
}

func strengthOf(kind string) token.Strength {
	for _, c := range honeyColumns {
		if c.kind == kind {
			return c.strength
		}
	}
	return token.Weak
}

// cell is what a product does about a way.
type cell struct {
	way, channel string
	text         string
}

// cells returns what is seen of ways, by which means, from the attempts.
func cells(product string, ds []deed, cut map[string]string, strength func(kind string) token.Strength) []cell {
	var out []cell
	for i := 0; i < len(ds); {
		d := ds[i]
		var modes []string
		for ; i < len(ds) && ds[i].way == d.way; i++ {
			modes = append(modes, ds[i].mode)
		}
		by := means.of(product, d.way, modes)
		text := fmt.Sprintf("%s %s: %s", strength(d.want.kind), strings.ReplaceAll(d.want.kind, "_", " "), strings.Join(by, ", "))
		if len(modes) > 1 {
			short := strings.NewReplacer("extended text", "ext", "extended binary", "bin")
			text += " (" + short.Replace(strings.Join(modes, ", ")) + ")"
		}
		if c := cut[d.way]; c != "" {
			text += ", *" + c + "*"
		}
		out = append(out, cell{d.way, d.want.channel, text})
	}
	return out
}

// sides writes the ways of all products beside each other, by channel: PostgreSQL's,
// MariaDB's and MySQL's, of which most have the same names.
func sides(b *strings.Builder, pg, maria, mysql []cell) {
	beside, third := map[string]cell{}, map[string]string{}
	for _, c := range maria {
		beside[c.channel+"/"+c.way] = c
	}
	for _, c := range mysql {
		third[c.channel+"/"+c.way] = c.text
	}
	for _, c := range maria { // what is equal is said once
		k := c.channel + "/" + c.way
		if third[k] == c.text {
			third[k] = "="
		}
	}
	my := slices.Clone(maria)
	for _, c := range mysql {
		if _, both := beside[c.channel+"/"+c.way]; !both {
			my = append(my, cell{c.way, c.channel, "–"})
		}
	}
	var channels []string
	for _, c := range slices.Concat(pg, my) {
		if !slices.Contains(channels, c.channel) {
			channels = append(channels, c.channel)
		}
	}
	row := func(way, key, left, right string) {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", strings.ReplaceAll(way, "|", "\\|"), left, right, cmp.Or(third[key], "–"))
	}
	for _, ch := range channels {
		fmt.Fprintf(b, "\n#### Channel %s\n\n| way | PostgreSQL | MariaDB | MySQL |\n|---|---|---|---|\n", ch)
		done := map[string]bool{}
		for _, c := range pg {
			if c.channel != ch {
				continue
			}
			right, name, twin := "–", c.way, cmp.Or(twins[c.way], c.way)
			if m, ok := beside[ch+"/"+twin]; ok {
				right = m.text
				done[twin] = true
				if twin != name {
					name += " / " + twin
				}
			}
			row(name, ch+"/"+twin, c.text, right)
		}
		for _, c := range my {
			if c.channel == ch && !done[c.way] {
				row(c.way, ch+"/"+c.way, "–", c.text)
			}
		}
	}
}

func table(b *strings.Builder, head string, rows [][2]string, code bool) {
	fmt.Fprintf(b, "\n| %s |\n|---|---|\n", head)
	for _, r := range rows {
		if code {
			r[1] = "`" + r[1] + "`"
		}
		fmt.Fprintf(b, "| %s | %s |\n", r[0], r[1])
	}
}

// refusals are the ways whose refusal costs more, or less, than an error.
func refusals() (pg, my map[string]string) {
	pg, my = map[string]string{}, map[string]string{}
	for _, w := range slices.Concat(allWays(), disguised) {
		if w.cut {
			pg[w.name] = "cut"
		} else if w.silent {
			pg[w.name] = "dropped"
		}
	}
	for _, r := range myReleases {
		for _, w := range slices.Concat(allMyWays(r), allMyDisguised(r)) {
			if w.cut {
				my[w.name] = "cut"
			}
		}
	}
	return pg, my
}

func coverage() string {
	var b strings.Builder
	pgCut, myCut := refusals()
	clear, hidden := [3][]cell{}, [3][]cell{}
	counts, hiddenCounts := []any{}, []any{}
	put := func(i int, product string, ways, disguises []deed, cut map[string]string, strength func(string) token.Strength) {
		clear[i], hidden[i] = cells(product, ways, cut, strength), cells(product, disguises, cut, strength)
		counts = append(counts, len(clear[i]), len(ways))
		hiddenCounts = append(hiddenCounts, len(hidden[i]), len(disguises))
	}
	put(0, "PostgreSQL", y.alert.deeds(allWays()), y.alert.deeds(disguised), pgCut, strengthOf)
	for i, r := range myReleases {
		f := &farm{release: r}
		put(1+i, string(r.Kind), f.deeds(&f.alert, allMyWays(r)), f.deeds(&f.alert, allMyDisguised(r)), myCut, myStrengthOf)
	}
	fmt.Fprintf(&b, coverageHead, counts...)
	sides(&b, clear[0], clear[1], clear[2])
	fmt.Fprintf(&b, coverageHidden, hiddenCounts...)
	sides(&b, hidden[0], hidden[1], hidden[2])
	b.WriteString(coverageAbsent)
	for _, name := range slices.Sorted(maps.Keys(notInMySQL)) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, notInMySQL[name])
	}
	b.WriteString(coverageJudged)
	for _, j := range judged {
		mark := func(sql string) string {
			if sql == "" {
				return "–"
			}
			return j.detector
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", j.way, mark(j.pg), mark(j.my))
	}
	b.WriteString(coverageUnseen)
	for _, u := range unseen {
		quote := func(sql string) string {
			if sql == "" {
				return "–"
			}
			return "`" + strings.ReplaceAll(sql, "|", "\\|") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", u.way, u.why, quote(u.pg), quote(u.my))
	}
	b.WriteString("\n### Never, or not by a proxy\n")
	table(&b, "way | why", never, false)
	b.WriteString("\n## Besides\n\n### PostgreSQL\n")
	table(&b, "promise | test", besides, true)
	b.WriteString("\n### MariaDB and MySQL\n")
	table(&b, "promise | test", myBesides, true)
	b.WriteString(coverageTail)
	return strings.ReplaceAll(b.String(), "~", "`")
}

func TestCoverageDocumentTellsWhatTheTestsDo(t *testing.T) {
	want := coverage()
	if *update {
		if err := os.WriteFile(coverageFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(coverageFile)
	if err != nil || string(got) != want {
		t.Errorf("docs/coverage.md is out of date (%v): go test ./integration/waysout -run Coverage -update", err)
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") {
			b, err := os.ReadFile(f.Name())
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	ofMaria := func(name string) bool {
		return slices.ContainsFunc(slices.Concat(allMyWays(myReleases[0]), allMyDisguised(myReleases[0])), func(w myWay) bool { return w.name == name })
	}
	for left, right := range twins {
		if !slices.ContainsFunc(slices.Concat(allWays(), disguised), func(w way) bool { return w.name == left }) || !ofMaria(right) {
			t.Errorf("twins %q and %q: one of them is no way", left, right)
		}
	}
	for name := range gone {
		if notInMySQL[name] == "" {
			t.Errorf("%q, which MySQL had once, is no way that it does not have", name)
		}
	}
	var named []string
	for _, l := range lacking {
		named = append(named, l.ways...)
	}
	for _, o := range older {
		named = slices.AppendSeq(named, maps.Keys(o.ways))
	}
	for _, o := range otherMeans {
		for name := range o.means {
			way, _, _ := strings.Cut(name, "/")
			named = append(named, way)
		}
	}
	for _, name := range named {
		if !slices.ContainsFunc(everyDeed(), func(d deed) bool { return d.way == name }) {
			t.Errorf("%q, of which an older server has something to say, is no way", name)
		}
	}
	for _, o := range olderUnseen {
		if !slices.ContainsFunc(unseen, func(u unseenWay) bool { return u.way == o.way && u.my != "" }) {
			t.Errorf("%q, which older releases of MySQL say otherwise, is not among what goes unseen", o.way)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(notInMySQL)), slices.Collect(maps.Keys(inMySQL))) {
		if !ofMaria(name) {
			t.Errorf("%q, of which MySQL has something to say, is no way of MariaDB's", name)
		}
	}
	for _, p := range slices.Concat(besides, myBesides) {
		if !strings.Contains(all.String(), "func "+p[1]+"(") {
			t.Errorf("there is no test %s", p[1])
		}
	}
}
