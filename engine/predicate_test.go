package engine

import (
	"encoding/binary"
	"testing"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

// schemaless moves tokens to a place without schema and numbers.
func schemaless(s *token.Snapshot) *token.Snapshot {
	for i := range s.Tokens {
		s.Tokens[i].Place.Schema, s.Tokens[i].TableOID = "", 0
	}
	return s
}

// keyed are the honey rows that these tests ask for: customer 90001 of
// crm.customers, line 2 of order 77 of crm.lines, and the decoy table crm.vault.
func keyed() *token.Snapshot {
	s := schemaless(&token.Snapshot{Version: 1, Tokens: tokensOf("row-a", rowA)})
	at := func(table, column, key string) event.Place {
		return event.Place{Server: "main", Database: "crm", Table: table, Column: column, Key: key}
	}
	s.Tokens = append(s.Tokens,
		token.Token{ID: "line", Row: "row-l", Kind: "email", Value: "line.honey.row@corp-mail.example", Strength: token.Strong, State: token.Live, Place: at("lines", "mail", "order_id=77, line=2"), PlantedAt: plantedAt},
		token.Token{ID: "vault", Row: "row-v", Kind: token.DecoyTable, Value: "vault", Key: true, State: token.Live, Place: at("vault", "*", ""), PlantedAt: plantedAt},
		token.Token{ID: "uid", Row: "row-u", Kind: "key", Value: "b0c1d2e3-0000-4000-8000-1234567890ab", Key: true, State: token.Live, Place: at("Users", "Uid", "b0c1d2e3-0000-4000-8000-1234567890ab"), PlantedAt: plantedAt},
	)
	return s
}

func seeking(t *testing.T) (*desk, *Engine, inspect.Session) {
	t.Helper()
	p := new(mysql.Parser)
	a := NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.MySQL: p, sqlfacts.MariaDB: p}, AnalysisOptions{Patience: time.Minute})
	t.Cleanup(a.Close)
	l := &desk{in: make(chan event.Detection, 1024)}
	e, err := New(DefaultConfig(), Options{Reporter: l, Analysis: a})
	if err != nil {
		t.Fatal(err)
	}
	e.Swap(keyed())
	s, _ := e.Open(event.Client{Session: "s", Protocol: "mysql", Server: "main", Database: "crm", User: "shop", Address: "10.0.0.1:1", ServerVersion: "8.4.0", Protect: true})
	t.Cleanup(s.Close)
	return l, e, s
}

func TestAHoneyRowAskedForByItsKeyIsTouchedEvenIfNothingComesBack(t *testing.T) {
	for sql, want := range map[string]event.ID{
		"SELECT * FROM customers WHERE id = 90001":                                                      "row-a-id",
		"SELECT * FROM customers WHERE 90001 = id AND tenant = 5":                                       "row-a-id",
		"SELECT * FROM crm.customers c WHERE c.id = '90001' OR c.id = 1":                                "row-a-id",
		"SELECT * FROM customers WHERE id IN (1, 2, 90001, 4)":                                          "row-a-id",
		"SELECT * FROM customers WHERE (id) = (090001)":                                                 "row-a-id",
		"SELECT * FROM customers WHERE id BETWEEN 90001 AND 90001":                                      "row-a-id",
		"SELECT * FROM customers WHERE CAST(id AS CHAR) LIKE '90001'":                                   "row-a-id",
		"SELECT o.* FROM orders o JOIN customers c ON c.id = 90001 AND o.x = c.y":                       "row-a-id",
		"SELECT * FROM (SELECT * FROM customers) x WHERE x.id = 90001":                                  "row-a-id",
		"WITH x AS (SELECT * FROM customers) SELECT * FROM x WHERE id = 90001":                          "row-a-id",
		"SELECT 1 FROM dual WHERE EXISTS (SELECT 1 FROM customers WHERE id = 90001)":                    "row-a-id",
		"UPDATE customers SET salary = 1 WHERE id = 90001":                                              "row-a-id",
		"DELETE FROM customers WHERE id = 90001":                                                        "row-a-id",
		"SELECT * FROM `lines` WHERE order_id = 77 AND line = 2":                                        "line",
		"SELECT * FROM `lines` WHERE (order_id, line) IN ((1, 1), (77, 2))":                             "line",
		"SELECT count(*) FROM vault":                                                                    "vault",
		"SELECT * FROM users WHERE uid = 'B0C1D2E3-0000-4000-8000-1234567890AB'":                        "uid",
		"SELECT * FROM customers WHERE id = 1 UNION SELECT secret, 1 FROM vault WHERE 1 = 1 ORDER BY 1": "vault",
		"SELECT * FROM customers WHERE id > 40000":                                                      "",
		"SELECT * FROM customers WHERE id BETWEEN 90000 AND 90002":                                      "",
		"SELECT * FROM customers WHERE id <> 90001":                                                     "",
		"SELECT * FROM customers WHERE NOT id = 90001":                                                  "",
		"SELECT * FROM customers WHERE id NOT IN (90001)":                                               "",
		"SELECT * FROM customers WHERE salary = 90001":                                                  "",
		"SELECT * FROM customers WHERE id = 90002":                                                      "",
		"SELECT * FROM orders WHERE id = 90001":                                                         "",
		"SELECT * FROM orders o JOIN customers c ON c.id = o.c WHERE o.id = 90001":                      "",
		"SELECT 90001 FROM customers WHERE id = 1":                                                      "",
		"SELECT * FROM customers WHERE id = 1 LIMIT 90001":                                              "",
		"INSERT INTO customers (id, salary) VALUES (90001, 5)":                                          "",
		"SELECT * FROM `lines` WHERE order_id = 77":                                                     "",
		"SELECT * FROM `lines` WHERE order_id = 77 AND line = 3":                                        "",
		"SELECT * FROM other.vault":                                                                     "",
		"ANALYZE TABLE vault":                                                                           "",
	} {
		l, _, s := seeking(t)
		ask(s, sql, "OK")
		var got event.ID
		for _, d := range l.all() {
			if d.Rule == rules.RowSought {
				got = d.Hits[0].Token
				if d.Severity >= event.Critical || d.Hits[0].Means != "predicate" && d.Hits[0].Means != "table" || d.Hits[0].Channel != event.ChannelStatement {
					t.Errorf("%s: %+v", sql, d)
				}
			}
		}
		if got != want {
			t.Errorf("%s: token %q, want %q", sql, got, want)
		}
	}
}

func TestBoundValuesAskForHoneyRowsToo(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		values    []string
		want      bool
	}{
		{"the key", "SELECT * FROM customers WHERE tenant = ? AND id = ?", []string{"5", "90001"}, true},
		{"the key's value somewhere else", "SELECT * FROM customers WHERE tenant = ? AND id = ?", []string{"90001", "5"}, false},
		{"one of a list", "SELECT * FROM customers WHERE id IN (?, ?, ?) AND x = ?", []string{"1", "2", "90001", "4"}, true},
		{"behind a list", "SELECT * FROM customers WHERE id IN (?, ?, ?) AND x = ?", []string{"1", "2", "3", "90001"}, false},
		{"a key of two columns", "SELECT * FROM `lines` WHERE order_id = ? AND line = ?", []string{"77", "2"}, true},
		{"the wrong way round", "SELECT * FROM `lines` WHERE order_id = ? AND line = ?", []string{"2", "77"}, false},
		{"a range", "SELECT * FROM customers WHERE id > ?", []string{"90001"}, false},
		{"a range of one", "SELECT * FROM customers WHERE id BETWEEN ? AND ?", []string{"90001", "90001"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, _, s := seeking(t)
			st, _ := s.Prepare([]byte(c.sql), len(c.sql))
			var buf []byte
			var params []inspect.Param
			for _, v := range c.values {
				params = append(params, inspect.Param{Off: int32(len(buf)), Len: int32(len(v))})
				buf = append(buf, v...)
			}
			r, _ := st.Run(buf, params)
			r.Done(0, "OK")
			ds := l.all()
			if got := len(ds) > 0 && ds[0].Rule == rules.RowSought; got != c.want {
				t.Errorf("touched: %v, want %v", got, c.want)
			}
		})
	}
}

func TestKeysInPostgreSQLsBinaryFormatAndInArraysAreRead(t *testing.T) {
	int8s := func(ns ...uint64) []byte {
		b := binary.BigEndian.AppendUint32(nil, 1)
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, int8OID)
		b = binary.BigEndian.AppendUint32(b, uint32(len(ns)))
		b = binary.BigEndian.AppendUint32(b, 1)
		for _, n := range ns {
			b = binary.BigEndian.AppendUint32(b, 8)
			b = binary.BigEndian.AppendUint64(b, n)
		}
		return b
	}
	for _, c := range []struct {
		name   string
		b      []byte
		typ    uint32
		binary bool
		want   string
	}{
		{"int4", []byte{0, 1, 0x5f, 0x91}, int4OID, true, "90001 "},
		{"int8, type not told", []byte{0, 0, 0, 0, 0, 1, 0x5f, 0x91}, 0, true, "90001 "},
		{"negative int2", []byte{0xff, 0xfe}, int2OID, true, "-2 "},
		{"uuid", []byte("\xb0\xc1\xd2\xe3\x00\x00\x40\x00\x80\x00\x12\x34\x56\x78\x90\xab"), uuidOID, true, "b0c1d2e30000400080001234567890ab "},
		{"text in binary format", []byte("90001"), 25, true, "90001 "},
		{"binary array", int8s(7, 90001), 1016, true, "7 90001 "},
		{"array as text", []byte(`{7,"90001"}`), 0, false, "7 90001 "},
		{"cut array", int8s(7, 90001)[:41], 1016, true, "7 "},
	} {
		got := ""
		r := readKeys(c.b, c.typ, c.binary)
		for k := r.next(); k != nil; k = r.next() {
			got += string(k) + " "
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzKeysIn(f *testing.F) {
	f.Add([]byte("{1,2}"), uint32(0), false)
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01"), uint32(1016), true)
	f.Fuzz(func(t *testing.T, b []byte, typ uint32, binary bool) {
		n := 0
		r := readKeys(b, typ, binary)
		for k := r.next(); k != nil; k = r.next() {
			n++
			canonical(nil, k)
		}
		if n > maxMembers {
			t.Errorf("%d keys", n)
		}
	})
}

func TestConditionsOnKeysCostNoAllocation(t *testing.T) {
	_, _, in := seeking(t)
	s := in.(*session)
	sql := []byte("SELECT id, salary FROM customers WHERE id = 48213 AND tenant IN (1, 2, 3)")
	st := &statement{s: s}
	s.look(st, sql)
	bound := []byte("SELECT id FROM customers WHERE id = ?")
	b := &statement{s: s}
	s.look(b, bound)
	r := &run{s: s, st: b}
	params, buf := []inspect.Param{{Off: 0, Len: 5}}, []byte("48213")
	least := 100.0
	for range 100 {
		least = min(least, testing.AllocsPerRun(1, func() {
			s.look(st, sql)
			r.seekBound(buf, params)
		}))
	}
	if least != 0 {
		t.Errorf("%v allocations", least)
	}
}

// In detect mode the first text of a shape is understood while it runs: what it
// asks for and what it reads is one detection all the same.
func TestWhatIsUnderstoodLateAndWhatIsReadAreOneDetection(t *testing.T) {
	l, e, _ := seeking(t)
	s, _ := e.Open(event.Client{Session: "d", Protocol: "mysql", Server: "main", Database: "crm", User: "shop", Address: "10.0.0.2:1", ServerVersion: "8.4.0"})
	t.Cleanup(s.Close)
	await := func() { // the analysis has found it
		for e.analysis.by.Stats().Parsed == 0 || e.analysis.behind.waits() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	sql := "SELECT email FROM customers WHERE id = 90001"
	st, _ := s.Prepare([]byte(sql), len(sql))
	r, _ := st.Run(nil, nil)
	rows, _ := r.Columns(event.ChannelRow, s.Describe([]inspect.Column{{Name: "email", Type: 253}}))
	await()
	show(rows, 1, []string{rowA[3].value})
	r.Done(1, "OK")
	ask(s, "SELECT phone FROM customers WHERE id = 90001 AND 1 = 0", "OK") // nothing comes back
	d := l.latest(t, "the second", func(d *event.Detection) bool { return d.Rule == rules.RowSought })
	ids := map[event.ID]string{}
	for _, x := range l.all() {
		ids[x.ID] = x.Rule
	}
	if len(ids) != 2 || ids[d.ID] != rules.RowSought {
		t.Errorf("%v", ids)
	}
}
