package engine

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

// ledger is a Reporter that keeps every revision.
type ledger struct {
	mu  sync.Mutex
	all []event.Detection
}

func (l *ledger) Report(d event.Detection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// last returns the latest revision of each detection, in order of appearance.
func (l *ledger) last() []event.Detection {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []event.Detection
	at := map[event.ID]int{}
	for _, d := range l.all {
		if i, ok := at[d.ID]; ok {
			out[i] = d
			continue
		}
		at[d.ID] = len(out)
		out = append(out, d)
	}
	return out
}

// The table that tests read: crm.public.customers, OID 16400, in a database
// that also has orders (16410) and a view (16420). Two honey rows.
const (
	customersOID = 16400
	ordersOID    = 16410
	viewOID      = 16420
)

var customerColumns = []string{"id", "first_name", "last_name", "email", "phone", "salary", "api_key"}

type planted struct {
	column, value string
	strength      token.Strength
	key           bool
}

func honeyRow(id, first, last, email, phone, salary, apiKey string) []planted {
	return []planted{
		{"id", id, token.Weak, true},
		{"first_name", first, token.Weak, false},
		{"last_name", last, token.Weak, false},
		{"email", email, token.Strong, false},
		{"phone", phone, token.Firm, false},
		{"salary", salary, token.Weak, false},
		{"api_key", apiKey, token.Strong, false},
	}
}

var (
	rowA = honeyRow("90001", "Ottilie", "Vandersloot-Brandt", "ottilie.vandersloot@corp-mail.example", "+49 30 0555", "913447", "sk_live_9fQ2mZx81LkTbV7w")
	rowB = honeyRow("90002", "Wendelin", "Achterberg", "wendelin.achterberg@corp-mail.example", "5550142", "887211", "sk_live_Xy72Pq0ZtRw55LmA")
)

var plantedAt = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func tokensOf(row event.ID, cells []planted) []token.Token {
	var out []token.Token
	key := cells[0].value
	for i, c := range cells {
		t := token.Token{
			ID: event.ID(fmt.Sprintf("%s-%s", row, c.column)), Row: row, Kind: c.column, Value: c.value,
			Strength: c.strength, Key: c.key, State: token.Live, PlantedBy: "dba", PlantedAt: plantedAt,
			Place:    event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: c.column, Key: key},
			TableOID: customersOID, Attr: uint16(i + 1),
		}
		out = append(out, t)
	}
	return out
}

func twoRows() *token.Snapshot {
	return &token.Snapshot{Version: 1, Tokens: append(tokensOf("row-a", rowA), tokensOf("row-b", rowB)...)}
}

// rig is an engine with two honey rows and one open session.
type rig struct {
	t       *testing.T
	e       *Engine
	l       *ledger
	s       inspect.Session
	now     time.Time
	learned []token.Location
}

func newRig(t *testing.T, c Config, rc rules.Config) *rig {
	t.Helper()
	set, err := rules.Compile(rc)
	if err != nil {
		t.Fatal(err)
	}
	return newRigOf(t, c, set)
}

// newRigOf is newRig for rules that are compiled already, which takes longer
// than all else.
func newRigOf(t *testing.T, c Config, set *rules.Set) *rig {
	t.Helper()
	g := &rig{t: t, l: &ledger{}, now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}
	var err error
	g.e, err = New(c, Options{
		Reporter: g.l, Rules: set, Now: func() time.Time { return g.now },
		Learn: func(l token.Location) { g.learned = append(g.learned, l) },
	})
	if err != nil {
		t.Fatal(err)
	}
	g.e.Swap(twoRows())
	g.s, _ = g.e.Open(alice())
	return g
}

func alice() event.Client {
	return event.Client{
		Session: "session-1", Protocol: "postgres", Listener: "main", Server: "main", Address: "10.2.3.4:51544",
		User: "app_ro", Database: "crm", Application: "psql", TLS: &event.TLS{Version: "TLS 1.3", Subject: "CN=alice,O=Corp"},
	}
}

// cols describes columns of customers by name; "=name" is an expression.
func cols(names ...string) []inspect.Column {
	var out []inspect.Column
	for _, n := range names {
		c := inspect.Column{Name: n, Type: 25}
		for i, known := range customerColumns {
			if n == known {
				c.TableOID, c.Attr = customersOID, uint16(i+1)
			}
		}
		if n[0] == '=' {
			c.Name = n[1:]
		}
		out = append(out, c)
	}
	return out
}

// show passes rows to a Rows as a protocol does: one region of framed rows;
// all fields of it if it is suspect, else those that Gate and Wants select.
func show(w inspect.Rows, first uint64, table ...[]string) event.Verdict {
	var region []byte
	var starts []int
	for _, r := range table {
		starts = append(starts, len(region))
		region = append(region, 'D', 0, 0, 0, 0, 0, byte(len(r)))
		for _, f := range r {
			region = binary.BigEndian.AppendUint32(region, uint32(len(f)))
			region = append(region, f...)
		}
	}
	suspect := w.Suspect(region)
	var v event.Verdict
	for i, r := range table {
		off := starts[i] + 7
		var spans []inspect.Span
		for c, f := range r {
			off += 4
			if suspect || w.Wants(c) || w.Gate()>>min(len(f), 63)&1 == 1 {
				spans = append(spans, inspect.Span{Col: int32(c), Off: int32(off), Len: int32(len(f))})
			}
			off += len(f)
		}
		if len(spans) > 0 {
			v = worse(v, w.Row(first+uint64(i), region, spans))
		}
	}
	for i := range region {
		region[i] = 0xEE // whoever kept a slice sees poison
	}
	return v
}

// query runs one simple statement with one result and returns the worst verdict.
func (g *rig) query(sql string, columns []inspect.Column, table ...[]string) event.Verdict {
	g.t.Helper()
	text := []byte(sql)
	st, v := g.s.Prepare(text, len(text))
	for i := range text {
		text[i] = 0xEE
	}
	if v.Blocks() {
		return v
	}
	r, v2 := st.Run(nil, nil)
	st.Release()
	v = worse(v, v2)
	ch := event.ChannelRow
	var lay inspect.Layout
	if columns != nil {
		lay = g.s.Describe(columns)
	} else {
		ch = event.ChannelCopy
	}
	rows, v3 := r.Columns(ch, lay)
	v = worse(v, v3)
	if rows != nil {
		v = worse(v, show(rows, 1, table...))
	}
	r.Done(uint64(len(table)), fmt.Sprintf("SELECT %d", len(table)))
	return v
}

// one returns the only detection, in its last revision.
func (g *rig) one() event.Detection {
	g.t.Helper()
	ds := g.l.last()
	if len(ds) != 1 {
		g.t.Fatalf("%d detections, want 1: %+v", len(ds), ds)
	}
	return ds[0]
}

func (g *rig) silent() {
	g.t.Helper()
	if ds := g.l.last(); len(ds) != 0 {
		g.t.Fatalf("detection where none should be: %s %+v", ds[0].Summary, ds[0].Hits)
	}
}

func values(cells []planted) []string {
	var out []string
	for _, c := range cells {
		out = append(out, c.value)
	}
	return out
}

// tokens names the tokens of a detection's hits with their means.
func tokens(d event.Detection) map[event.ID]string {
	out := map[event.ID]string{}
	for _, h := range d.Hits {
		out[h.Token] = h.Means
	}
	return out
}
