package waysout

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"honeyrow/token"
)

var update = flag.Bool("update", false, "write docs/coverage.md")

const coverageFile = "../../docs/coverage.md"

// notYet are ways that nothing here sees, with the reason.
var notYet = [][2]string{
	{"`encode(x, 'hex')`, `bytea` in text format, `convert_to`", "disguise: hex"},
	{"`encode(x, 'base64')`, `'escape'` of binary data", "disguise: base64"},
	{"`reverse`, `upper`, `translate`, `replace`, `overlay`, rot13", "disguise: letters changed"},
	{"`to_tsvector`", "disguise: lower case; seen only if the value is in lower case"},
	{"`ascii`, code points, bits, `decode` and arithmetic", "disguise: numbers"},
	{"`md5`, `sha256`, `crypt`, `hashtext`", "derived"},
	{"`substr`, `left`, `regexp_split_to_table`, `varchar(8)`, a large object read in pieces, JSON errors that name one word", "fragments"},
	{"`where email like 'a%'`, counts, `exists`, `1/(length(email)-39)`, `pg_sleep`, `EXPLAIN ANALYZE` row counts", "inference: nothing of the row is on the wire"},
	{"`COPY TO PROGRAM`, server files, `lo_export`, dblink and foreign tables outwards, archived WAL", "not on this wire"},
	{"a firm value shorter than 12 bytes inside an array, JSON, composite or COPY text whose statement the proxy did not read", "short: counts only as a whole field"},
	{"a weak value alone (name, salary) through a view, UNION, cast, function, COPY or JSON", "others may share it: needs its own column, or company"},
	{"the key alone outside its own table and column", "an integer proves nothing"},
	{"weak values and keys in a row larger than 64 KiB", "only searched as text"},
	{"a firm or short value with letters or digits glued to it", "cannot be told from a longer number"},
	{"`pg_basebackup`, physical replication: compressed, or a value split by WAL records and pages", "reported as replication whatever is in it"},
}

// besides are promises that other tests of this folder keep.
var besides = [][2]string{
	{"replication connection and logical decoding stream", "TestReplicationConnectionsAreReportedAndTheirStreamIsSearched"},
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

func coverage() string {
	var b strings.Builder
	ways, tries, cuts := 0, 0, 0
	perChannel := map[string]int{}
	for _, w := range allWays() {
		ways++
		tries += len(w.attempts())
		perChannel[w.channel]++
		if w.cut {
			cuts++
		}
	}
	fmt.Fprintf(&b, `# What is seen, and what is not

The matrix of ways by which a honey row can leave through a PostgreSQL session, written from the tests of
[integration/waysout](../integration/waysout) by `+"`go test ./integration/waysout -run Coverage -update`"+`; a test fails if it is out of date.

**%d ways, %d attempts**: each makes exactly one detection with the right token, place, client and statement
(`+"`TestEveryWayOutMakesOneDetectionWithTheRightStory`"+`). With `+"`honey-row-read: {action: block}`"+` nothing of the row arrives, the client
gets SQLSTATE 42501, and the session goes on (`+"`TestEveryWayOutIsRefusedAndTheSessionGoesOn`"+`); in %d ways, marked *cut*, the value stands in a
message of more than 64 KiB that has begun to pass, and the session ends instead. *dropped* means that the message is left out without an error.

| channel | ways |
|---|---|
`, ways, tries, cuts)
	for _, ch := range []string{"row", "copy", "error", "notice", "label", "parameter", "notification", "function"} {
		fmt.Fprintf(&b, "| %s | %d |\n", ch, perChannel[ch])
	}
	b.WriteString("\n## Ways\n\n| way | channel | seen by (strength of the token) | tried as | refused |\n|---|---|---|---|---|\n")
	for _, w := range allWays() {
		how := "42501"
		if w.cut {
			how = "cut"
		} else if w.silent {
			how = "dropped"
		}
		as := strings.Join(w.attempts(), ", ")
		if w.do != nil {
			as = "its own client"
		}
		fmt.Fprintf(&b, "| %s | %s | %s (%s) | %s | %s |\n", strings.ReplaceAll(w.name, "|", "\\|"), w.channel, w.kind, strengthOf(w.kind), as, how)
	}
	b.WriteString("\n## Besides\n\n| promise | test |\n|---|---|\n")
	for _, p := range besides {
		fmt.Fprintf(&b, "| %s | `%s` |\n", p[0], p[1])
	}
	b.WriteString("\n## Not yet, or never\n\n| way | why |\n|---|---|\n")
	for _, n := range notYet {
		fmt.Fprintf(&b, "| %s | %s |\n", n[0], n[1])
	}
	b.WriteString(`
## What a refusal does not undo

- Statements of one text or one pipeline group that ran beside the refused one have run: the client sees an error where the
  server committed, unless the server itself failed (a long result is cancelled; a refused *statement* fails at the server).
- In an explicit transaction a short refused result leaves the transaction open: the server had finished it.
- Rows before the honey row have been sent.
`)
	return b.String()
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
	for _, p := range besides {
		if !strings.Contains(all.String(), "func "+p[1]+"(") {
			t.Errorf("there is no test %s", p[1])
		}
	}
}
