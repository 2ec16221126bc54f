package engine

import (
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

func TestAValueIsWorthWhatItsKindAndFormSay(t *testing.T) {
	for _, c := range []struct {
		kind, value string
		strength    token.Strength
		among       int64
		want        float64
	}{
		{"api_key", "sk_live_9fQ2mZx81LkTbV7w", token.Strong, 0, 2*2.2 + 4*2.2 + 2*0.5 + 16*5},
		{"uuid", "7c9e6679-7425-40de-944b-e07fc1f90ae7", token.Strong, 0, 4*(7+4+3+11) + 3*0.5 + 0.5 + 4*3.32 + 4*0.5},
		{"first_name", "Ottilie", token.Weak, 0, 7},
		{"first_name", "Ottilie", token.Weak, 3 << 12, 12},
		{"salary", "913447", token.Weak, 0, 0.75 * 5 * 3.32},
		{"salary", "900000.00", token.Weak, 0, 1},
		{"salary", "187250.00", token.Weak, 0, 0.75 * 4 * 3.32},
		{"phone", "+49 30 0555", token.Firm, 0, 7 * 3.32},
		{"phone", "+44 20 7946 0958", token.Firm, 0, 8 * 3.32},
		{"card_number", "4929123456781234", token.Firm, 0, 8 * 3.32},
		{"date_of_birth", "1971-03-09", token.Weak, 0, 14},
		{"seen", "2019-08-22 11:12:13", token.Weak, 0, 20},
		{"number", "aaaaaaaa", token.Firm, 0, 2.2 + 7*0.5},
		{"email", "a@b.example", token.Strong, 1 << 20, 2.2 + 0.5 + 2.2 + 0.5 + 7*2.2},
	} {
		got := valueBits(&token.Token{Kind: c.kind, Value: c.value, Strength: c.strength, Among: c.among})
		if c.kind == "uuid" { // its groups are mixed, digits or hexadecimal, doubled characters in them
			if got < 90 || got > 128 {
				t.Errorf("uuid: %.1f bits", got)
			}
			continue
		}
		if math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s %s among %d: %.2f bits, want %.2f", c.kind, c.value, c.among, got, c.want)
		}
	}
}

func TestChanceOfADetectionIsThatOfItsBestHoneyRow(t *testing.T) {
	const tokens = 14 // of both rows
	nameBits, salaryBits := 7.0, math.Round(10*0.75*5*digitBits)/10
	for _, c := range []struct {
		name    string
		columns []inspect.Column
		row     []string
		want    float64
	}{
		{"two weak values", cols("=a", "=b"), []string{"Ottilie", "913447"}, 2 * 2 * 2 * math.Exp2(-(salaryBits + correlated*nameBits))},
		{"a name in its own column", cols("first_name"), []string{"Ottilie"}, (1 + newer*2) * math.Exp2(-nameBits)},
		{"the key in its own column", cols("id"), []string{"90001"}, leastChance},
		{"a telephone number as a field", cols("=a"), []string{"5550142"}, 2 * tokens * math.Exp2(-math.Round(10*6*digitBits)/10)},
		{"a key", cols("=a"), []string{rowA[6].value}, 2 * tokens * math.Exp2(-math.Round(10*(6*2.2+1+16*5))/10)},
	} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		g.query("SELECT something", c.columns, []string{"x", "y"}[:len(c.row)], c.row)
		d := g.one()
		if d.Chance < c.want/1.06 || d.Chance > c.want*1.06 { // two digits are stated
			t.Errorf("%s: chance %g, want %.3g", c.name, d.Chance, c.want)
		}
		for _, h := range d.Hits {
			if h.Evidence.Bits <= 0 || h.Evidence.Chance <= 0 || h.Evidence.Length == 0 || h.Evidence.Searched == 0 {
				t.Errorf("%s: evidence %+v", c.name, h.Evidence)
			}
		}
	}
}

func TestDoubtfulHitsAreOfLowSeverityAndRefuseNothing(t *testing.T) {
	block := event.Block
	policy := rules.Config{Override: map[string]rules.Override{rules.RowRead: {Action: &block}}}
	table := make([][]string, 0, 600)
	for i := range 500 {
		table = append(table, []string{"Berta", fmt.Sprint(i)})
	}
	table = append(table, []string{"Ottilie", "x"})
	g := newRig(t, DefaultConfig(), policy)
	v := g.query("SELECT first_name", cols("first_name", "=x"), table...)
	if d := g.one(); v.Blocks() || d.Severity != event.Low || d.Action != event.Alert || d.Chance < 0.05 {
		t.Errorf("verdict %+v on severity %v, action %v, chance %g", v, d.Severity, d.Action, d.Chance)
	}
	g = newRig(t, DefaultConfig(), policy)
	v = g.query("SELECT first_name, email", cols("first_name", "=x"), append(table, []string{"x", rowA[3].value})...)
	if d := g.one(); !v.Blocks() || d.Severity < event.High || d.Action != event.Block || d.Chance > 1e-9 {
		t.Errorf("with better evidence behind: verdict %+v on severity %v, action %v, chance %g", v, d.Severity, d.Action, d.Chance)
	}
	c := DefaultConfig()
	c.Coincidence = 1
	g = newRig(t, c, policy)
	if v = g.query("SELECT first_name", cols("first_name", "=x"), table...); !v.Blocks() {
		t.Errorf("without doubt: verdict %+v", v)
	}
}

// population draws people as they are: a few names are everybody's, cities too,
// and some pairs go together.
type population struct{ r *rand.Rand }

func (p population) zipf(prefix string, n int) string {
	z := rand.NewZipf(p.r, 1.07, 30, uint64(n-1))
	return prefix + strconv.FormatUint(z.Uint64(), 36) + "e"
}

func (p population) person() []string {
	salary := fmt.Sprint(20000 + p.r.IntN(4000)*25)
	return []string{p.zipf("An", 3000), p.zipf("Mar", 20000), p.zipf("Burg", 400), salary, fmt.Sprintf("19%02d-%02d-%02d", 30+p.r.IntN(70), 1+p.r.IntN(12), 1+p.r.IntN(28))}
}

var personKinds = []string{"first_name", "last_name", "city", "salary", "date_of_birth"}

// planted makes honey rows from the same population.
func (p population) planted(n int) *token.Snapshot {
	s := &token.Snapshot{Version: 1}
	for i := range n {
		for j, v := range p.person() {
			s.Tokens = append(s.Tokens, token.Token{
				ID: event.ID(fmt.Sprintf("t%d-%d", i, j)), Row: event.ID(fmt.Sprintf("r%d", i)), Kind: personKinds[j], Value: v, Strength: token.Weak, State: token.Live,
				Place: event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: personKinds[j]}, TableOID: customersOID, Attr: uint16(j + 1),
			})
		}
	}
	return s
}

func TestStatedChanceIsNotOptimistic(t *testing.T) {
	const runs, honey, rows = 3000, 8, 25
	p := population{rand.New(rand.NewPCG(4, 20261122))}
	type mode struct {
		name    string
		columns []inspect.Column
		of      func([]string) []string
	}
	set, err := rules.Compile(rules.Config{})
	if err != nil {
		t.Fatal(err)
	}
	joined := cols("=row")
	joined[0].Type = 25
	modes := []mode{
		{"five columns of a view", cols("=a", "=b", "=c", "=d", "=e"), func(r []string) []string { return r }},
		{"first name and surname", cols("=a", "=b"), func(r []string) []string { return r[:2] }},
		{"composites", joined, func(r []string) []string { return []string{"(" + strings.Join(r, ",") + ")"} }},
	}
	if testing.Short() {
		modes = modes[:1]
	}
	for _, m := range modes {
		var stated []float64
		for range runs {
			g := newRigOf(t, DefaultConfig(), set)
			g.e.Swap(p.planted(honey))
			var table [][]string
			for range rows {
				table = append(table, m.of(p.person()))
			}
			g.query("SELECT * FROM v", m.columns, table...)
			for _, d := range g.l.last() {
				stated = append(stated, d.Chance)
			}
		}
		if len(stated) == 0 {
			t.Errorf("%s: no hit by chance at all: nothing was compared", m.name)
		}
		slices.Sort(stated)
		t.Logf("%s: %d detections in %d runs", m.name, len(stated), runs)
		// Of all runs, at most the part c may have a detection with a chance of
		// c or less; three standard deviations are granted.
		for i, c := range stated {
			if got, most := float64(i+1), runs*c; got > most+3*math.Sqrt(most)+1 {
				t.Errorf("%s: %v runs of %d with a stated chance of %g or less, want at most %.1f", m.name, got, runs, c, most)
				break
			}
		}
	}
}

func TestWeakValuesInsideOneFieldCountTogether(t *testing.T) {
	far := strings.Repeat("somebody else, ", 40)
	record := func(fields ...string) string {
		b := "\x00\x00\x00\x03"
		for _, f := range fields {
			b += "\x00\x00\x00\x19\x00\x00\x00" + string(rune(len(f))) + f
		}
		return b
	}
	binary := func(typ uint32) []inspect.Column {
		c := cols("=a")
		c[0].Type, c[0].Binary = typ, true
		return c
	}
	typed := func(typ uint32) []inspect.Column {
		c := cols("=a")
		c[0].Type = typ
		return c
	}
	both := map[event.ID]string{"row-a-first_name": "together", "row-a-salary": "together"}
	for _, c := range []struct {
		name  string
		cols  []inspect.Column
		field string
		want  map[event.ID]string
	}{
		{"composite", typed(recordOID), "(Ottilie,913447)", both},
		{"composite in binary", binary(recordOID), record("Ottilie", "913447"), both},
		{"json", typed(jsonOID), `{"first":"Ottilie","pay":913447}`, both},
		{"string_agg", cols("=a"), "Berta 5,Ottilie 913447,Carla 6", both},
		{"concat_ws", cols("=a"), "Ottilie;913447", both},
		{"beside the key", cols("=a"), "90001: Ottilie", map[event.ID]string{"row-a-first_name": "together"}},
		{"surname with a hyphen", cols("=a"), "Ottilie Vandersloot-Brandt", map[event.ID]string{"row-a-first_name": "together", "row-a-last_name": "together"}},
		{"one alone", cols("=a"), "Dear Ottilie, how are you?", nil},
		{"of two honey rows", cols("=a"), "Ottilie 887211, Wendelin 913447", both}, // within one record's length: cannot be told
		{"of two honey rows far apart", cols("=a"), "Ottilie 887211, " + far + far + "Wendelin 913447", nil},
		{"glued to letters", cols("=a"), "XOttilie 913447x", nil},
		{"in a table of its own", cols("email"), "Ottilie 913447", nil},
		{"among thousands of words", cols("=a"), strings.Repeat("Berta 12 ", 20000) + "Ottilie 90001", nil},
	} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		g.query("SELECT something", c.cols, []string{c.field})
		ds := g.l.last()
		if c.want == nil {
			if len(ds) != 0 {
				t.Errorf("%s: %v", c.name, tokens(ds[0]))
			}
			continue
		}
		if len(ds) != 1 {
			t.Errorf("%s: %d detections, want 1", c.name, len(ds))
			continue
		}
		got := tokens(ds[0])
		for id, means := range c.want {
			if got[id] != means {
				t.Errorf("%s: hits %v, want %v", c.name, got, c.want)
			}
		}
	}
}

func TestChecksumsCountInStatementsThatNameThem(t *testing.T) {
	sum := crc32.ChecksumIEEE([]byte(rowA[6].value))
	c := DefaultConfig()
	c.Disguises = true
	for _, try := range []struct {
		name, sql, field string
		want             bool
	}{
		{"decimal", "SELECT crc32(api_key) FROM customers", fmt.Sprint(sum), true},
		{"signed", "SELECT CRC32(api_key)", fmt.Sprint(int32(sum)), true},
		{"hexadecimal", "SELECT hex(crc32(api_key))", fmt.Sprintf("%08X", sum), true},
		{"another's", "SELECT crc32(api_key)", fmt.Sprint(sum + 1), false},
		{"not named", "SELECT n FROM numbers", fmt.Sprint(sum), false},
		{"longer", "SELECT crc32(api_key)", fmt.Sprint(sum) + "0", false},
	} {
		g := newRig(t, c, rules.Config{})
		g.e.Swap(twoRows())
		g.query(try.sql, cols("=a"), []string{try.field})
		ds := g.l.last()
		if got := len(ds) == 1 && ds[0].Hits[0].Disguise == "crc32"; got != try.want {
			t.Errorf("%s: %v, want %v: %+v", try.name, got, try.want, ds)
		}
	}
}
