package waysout

import (
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

// notYet are ways that nothing here sees, with the reason.
var notYet = [][2]string{
	{"`translate`, `replace`, `overlay`, rot13", "disguise: letters changed for others"},
	{"`to_tsvector`", "words: seen only if the value is one word"},
	{"`ascii`, code points, bits, `decode` and arithmetic", "disguise: numbers"},
	{"`crypt`, `hashtext`, salted digests", "derived"},
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

// line is a way as the document shows it.
type line struct {
	name, channel, kind string
	tried               []string
	own                 bool // by a client of its own
	refused             string
}

func pgLines() []line {
	var out []line
	for _, w := range allWays() {
		l := line{w.name, w.channel, w.kind, w.attempts(), w.do != nil, "42501"}
		if w.cut {
			l.refused = "cut"
		} else if w.silent {
			l.refused = "dropped"
		}
		out = append(out, l)
	}
	return out
}

func myLines() []line {
	var out []line
	for _, w := range allMyWays() {
		l := line{w.name, w.channel, w.kind, w.attempts(), w.do != nil, "1142"}
		if w.cut {
			l.refused = "cut"
		}
		out = append(out, l)
	}
	return out
}

// count returns the numbers of ways, of attempts, and of ways that cost the session.
func count(ls []line) (ways, tries, cuts int) {
	for _, l := range ls {
		ways++
		tries += len(l.tried)
		if l.refused == "cut" {
			cuts++
		}
	}
	return ways, tries, cuts
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

// matrix writes the channels and the ways of one product.
func matrix(b *strings.Builder, ls []line, strength func(kind string) token.Strength) {
	var channels []string
	n := map[string]int{}
	for _, l := range ls {
		if n[l.channel]++; n[l.channel] == 1 {
			channels = append(channels, l.channel)
		}
	}
	b.WriteString("\n| channel | ways |\n|---|---|\n")
	for _, ch := range channels {
		fmt.Fprintf(b, "| %s | %d |\n", ch, n[ch])
	}
	b.WriteString("\n### Ways\n\n| way | channel | seen by (strength of the token) | tried as | refused |\n|---|---|---|---|---|\n")
	for _, l := range ls {
		as := strings.Join(l.tried, ", ")
		if l.own {
			as = "its own client"
		}
		fmt.Fprintf(b, "| %s | %s | %s (%s) | %s | %s |\n", strings.ReplaceAll(l.name, "|", "\\|"), l.channel, l.kind, strength(l.kind), as, l.refused)
	}
}

func coverage() string {
	var b strings.Builder
	pg, my := pgLines(), myLines()
	ways, tries, cuts := count(pg)
	fmt.Fprintf(&b, `# What is seen, and what is not

The matrices of ways by which a honey row can leave through a session of [PostgreSQL](#postgresql) and of [MariaDB](#mariadb), written from
the tests of [integration/waysout](../integration/waysout) by `+"`go test ./integration/waysout -run Coverage -update`"+`; a test fails if it is out of date.

## PostgreSQL

**%d ways, %d attempts**: each makes exactly one detection with the right token, place, client and statement
(`+"`TestEveryWayOutMakesOneDetectionWithTheRightStory`"+`). With `+"`honey-row-read: {action: block}`"+` nothing of the row arrives, the client
gets SQLSTATE 42501, and the session goes on (`+"`TestEveryWayOutIsRefusedAndTheSessionGoesOn`"+`); in %d ways, marked *cut*, the value stands in a
message of more than 64 KiB that has begun to pass, and the session ends instead. *dropped* means that the message is left out without an error.
`, ways, tries, cuts)
	matrix(&b, pg, strengthOf)
	disguises(&b)
	b.WriteString("\n### Besides\n")
	table(&b, "promise | test", besides, true)
	b.WriteString("\n### Not yet, or never\n")
	table(&b, "way | why", notYet, false)
	b.WriteString(`
### What a refusal does not undo

- Statements of one text or one pipeline group that ran beside the refused one have run: the client sees an error where the
  server committed, unless the server itself failed (a long result is cancelled; a refused *statement* fails at the server).
- In an explicit transaction a short refused result leaves the transaction open: the server had finished it.
- Rows before the honey row have been sent.
`)
	ways, tries, cuts = count(my)
	fmt.Fprintf(&b, `
## MariaDB

Against MariaDB 10.11. **%d ways, %d attempts**: each makes exactly one detection with the right token, place, client, schema and statement
(`+"`TestEveryWayOutOfMariaDBMakesOneDetectionWithTheRightStory`"+`). *text* is COM_QUERY by a client that wants EOF packets; *binary* is
COM_STMT_PREPARE and COM_STMT_EXECUTE by one with MariaDB's extensions; *cursor* fetches the rows by COM_STMT_FETCH. The channels *statement*,
*bind* and *copy-in* are the way in: somebody presents what was stolen. With `+"`honey-row-read`"+` and `+"`honey-value-presented`"+` set to block nothing of
the row arrives, nothing of it comes back to the server, the client gets error 1142 (42000), and the session goes on
(`+"`TestEveryWayOutOfMariaDBIsRefusedAndTheSessionGoesOn`"+`); in %d ways, marked *cut*, the value stands in something larger than is held that
has begun to pass, and the session ends instead.
`, ways, tries, cuts)
	matrix(&b, my, myStrengthOf)
	b.WriteString("\n### Besides\n")
	table(&b, "promise | test", myBesides, true)
	b.WriteString("\n### Not yet, or never\n")
	table(&b, "way | why", myNotYet, false)
	b.WriteString(`
### What a refusal does not undo

- A statement that was run for its result has run: what it wrote stays written. The statements of one text that stand behind
  the refused one run as well; the rest of the answer is read and dropped, up to 256 MiB, for the protocol can't ask the server to stop.
- An explicit transaction stays open.
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
	for _, p := range slices.Concat(besides, myBesides) {
		if !strings.Contains(all.String(), "func "+p[1]+"(") {
			t.Errorf("there is no test %s", p[1])
		}
	}
}
