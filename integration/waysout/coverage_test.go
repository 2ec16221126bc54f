package waysout

import (
	"cmp"
	"flag"
	"fmt"
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

// sides writes the ways of both products beside each other, by channel.
func sides(b *strings.Builder, pg, my []cell) {
	beside := map[string]cell{}
	for _, c := range my {
		beside[c.channel+"/"+c.way] = c
	}
	var channels []string
	for _, c := range slices.Concat(pg, my) {
		if !slices.Contains(channels, c.channel) {
			channels = append(channels, c.channel)
		}
	}
	row := func(way, left, right string) {
		fmt.Fprintf(b, "| %s | %s | %s |\n", strings.ReplaceAll(way, "|", "\\|"), left, right)
	}
	for _, ch := range channels {
		fmt.Fprintf(b, "\n#### Channel %s\n\n| way | PostgreSQL | MariaDB |\n|---|---|---|\n", ch)
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
			row(name, c.text, right)
		}
		for _, c := range my {
			if c.channel == ch && !done[c.way] {
				row(c.way, "–", c.text)
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
	for _, w := range slices.Concat(allMyWays(), allMyDisguised()) {
		if w.cut {
			my[w.name] = "cut"
		}
	}
	return pg, my
}

func coverage() string {
	var b strings.Builder
	f := &farm{}
	pgCut, myCut := refusals()
	pg, my := y.alert.deeds(allWays()), f.deeds(&f.alert, allMyWays())
	pgHidden, myHidden := y.alert.deeds(disguised), f.deeds(&f.alert, allMyDisguised())
	left, right := cells("PostgreSQL", pg, pgCut, strengthOf), cells("MariaDB", my, myCut, myStrengthOf)
	leftHidden, rightHidden := cells("PostgreSQL", pgHidden, pgCut, strengthOf), cells("MariaDB", myHidden, myCut, myStrengthOf)
	fmt.Fprintf(&b, coverageHead, len(left), len(pg), len(right), len(my))
	sides(&b, left, right)
	fmt.Fprintf(&b, coverageHidden, len(leftHidden), len(pgHidden), len(rightHidden), len(myHidden))
	sides(&b, leftHidden, rightHidden)
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
	b.WriteString("\n### MariaDB\n")
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
	for left, right := range twins {
		if !slices.ContainsFunc(slices.Concat(allWays(), disguised), func(w way) bool { return w.name == left }) ||
			!slices.ContainsFunc(slices.Concat(allMyWays(), allMyDisguised()), func(w myWay) bool { return w.name == right }) {
			t.Errorf("twins %q and %q: one of them is no way", left, right)
		}
	}
	for _, p := range slices.Concat(besides, myBesides) {
		if !strings.Contains(all.String(), "func "+p[1]+"(") {
			t.Errorf("there is no test %s", p[1])
		}
	}
}
