package engine

import (
	"testing"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

// peerTypes are numbers of types whose values are taken apart: PostgreSQL's, then MySQL's.
var peerTypes = [2][]uint32{
	{25, 20, 21, 23, 17, 700, 701, 1700, 2950, 1082, 1114, 1184, 1009, 1007, 1016, 1231, 2249, 114, 3802, 16390, 0},
	{253, 254, 252, 3, 8, 1, 2, 4, 5, 246, 10, 12, 7, 245, 16, 255, 6, 0},
}

// cutAsSaid cuts b into fields: each byte of shape tells length, type and format of one.
func cutAsSaid(b, shape []byte, types []uint32) (cols []inspect.Column, fields []inspect.Span, params []inspect.Param) {
	at := int32(0)
	for i, s := range shape[:min(len(shape), 12)] {
		n := min(int32(s>>1)*3, int32(len(b))-at)
		c := inspect.Column{Name: "c", Type: types[(int(s)*7+i)%len(types)], Binary: s&1 == 1}
		if s%5 == 0 {
			c.TableOID, c.Attr, c.OrgSchema, c.OrgTable, c.OrgName = customersOID, uint16(i+1), "crm", "customers", customerColumns[i%len(customerColumns)]
		}
		if s == 0xff {
			fields, params = append(fields, inspect.Span{Col: int32(i), Off: at, Len: -1}), append(params, inspect.Param{Len: -1})
		} else {
			fields = append(fields, inspect.Span{Col: int32(i), Off: at, Len: n})
			params = append(params, inspect.Param{Off: at, Len: n, Type: c.Type, Binary: c.Binary})
			at += n
		}
		cols = append(cols, c)
	}
	return cols, fields, params
}

// FuzzSession gives a session statements, parameters, rows, streams and texts of any
// bytes, in columns of any type: none may make it panic, and a honey value that
// stands in a row beside them is seen whatever they are.
func FuzzSession(f *testing.F) {
	f.Add([]byte("select * from customers where id = $1 and name = '1'' or 1=1 --' /*a='b'*/"), []byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x0890001abc"), []byte{0x15, 0x19, 0xff, 0x0b}, uint8(0))
	f.Add([]byte("copy customers to stdout (format csv)"), []byte(`{"a":["sk_live_9fQ2mZx8","1LkTbV7w"],"b":{"c":913447}}(90001,"Ottilie",,\x6f7474)`), []byte{0x22, 0x21, 0x14, 0x40}, uint8(0))
	f.Add([]byte("select sha2(email, 256), compress(x), group_concat(name) from customers /*!50000 union select 1*/"), []byte("\x0a\x00\x00\x00x\x9c\xcbH\xcd\xc9\xc9\x07\x006f7474696c69652e76616e646572736c6f6f74"), []byte{0x0d, 0x28, 0x31}, uint8(1))
	f.Add([]byte("prepare p from 'select ?'"), []byte("b3R0aWxpZS52YW5kZXJzbG9vdEBjb3JwLW1haWwuZXhhbXBsZQ==\xff\xfe4\x009\x00"), []byte{0x30, 0x31, 0x33}, uint8(3))
	set, err := rules.Compile(rules.Config{})
	if err != nil {
		f.Fatal(err)
	}
	l := &ledger{}
	c := DefaultConfig()
	c.Parameters, c.RedactLiterals = true, true
	e, err := New(c, Options{Reporter: l, Rules: set})
	if err != nil {
		f.Fatal(err)
	}
	e.Swap(twoRows())
	f.Fuzz(func(t *testing.T, sql, data, shape []byte, kind uint8) {
		l.all = nil
		who := alice()
		who.Session = event.NewID()
		types := peerTypes[0]
		if kind&1 == 1 {
			who.Protocol, who.ServerVersion, types = "mysql", "10.11.6-MariaDB", peerTypes[1]
		}
		s, _ := e.Open(who)
		defer s.Close()
		s.Set("client_encoding", []string{"UTF8", "LATIN1", "SJIS", "SQL_ASCII"}[kind>>1&3])
		s.Set("character_set_results", []string{"utf8mb4", "latin1", "utf16", "binary"}[kind>>1&3])
		cols, fields, params := cutAsSaid(data, shape, types)
		st, v := s.Prepare(sql, len(sql))
		if v.Blocks() {
			t.Fatalf("blocked by no rule: %+v", v)
		}
		run, _ := st.Run(data, params)
		// A honey value as the last field of the second row.
		honey := rowA[6].value
		row := append(append([]byte{}, data...), honey...)
		cols = append(cols, inspect.Column{Name: "last", Type: types[0]})
		withHoney := append(append([]inspect.Span{}, fields...), inspect.Span{Col: int32(len(cols) - 1), Off: int32(len(data)), Len: int32(len(honey))})
		for _, ch := range []event.Channel{event.ChannelRow, event.ChannelCopy} {
			var layout inspect.Layout
			if ch == event.ChannelRow {
				layout = s.Describe(cols)
			}
			w, _ := run.Columns(ch, layout)
			if w == nil {
				t.Fatal("nothing is watched, with tokens that are live")
			}
			w.Suspect(data)
			w.Gate()
			w.Row(1, data, fields)
			if !w.Suspect(row) {
				t.Fatalf("%q is not suspect", row)
			}
			w.Row(2, row, withHoney)
		}
		half := len(data) / 2
		run.Stream(event.ChannelRow, 2, data[:half], false)
		run.Stream(event.ChannelRow, 2, data[half:], true)
		run.Text(event.ChannelError, data)
		s.Text(event.ChannelNotification, data)
		run.Done(2, "42601")
		s.Present(event.ChannelCopyIn, data[:half], false)
		s.Present(event.ChannelCopyIn, data[half:], true)
		long, _ := s.Prepare(sql, len(sql)+len(data))
		s.Present(event.ChannelStatement, data, true)
		long.Bind(data[:half], false)
		long.Bind(data[half:], true)
		long.Failed("42601")
		for _, d := range l.last() {
			for _, h := range d.Hits {
				if h.Kind == rowA[6].column && h.Channel == event.ChannelRow {
					return
				}
			}
		}
		t.Fatalf("a honey value beside %q in columns %+v was not reported", data, cols)
	})
}
