package waysout

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// myInboundWays bring the value back: somebody uses what was stolen. Refused,
// it does not come to the server, whose table inbox stays empty.
var myInboundWays = []myWay{
	inboundText("literal", "insert into inbox (v) values ('"+honeyMail+"')"),
	inboundText("literal among others", "insert into inbox (v) values ('a'), (concat('"+honeyMail+"', 'x')), ('b')"),
	inboundText("literal of a firm value", "insert into inbox (v) values ('"+honeyPhone+"')", "phone"),
	inboundText("number", "insert into inbox (v) values ("+honeyCard+")", "card_number"),
	inboundText("double quotes", `insert into inbox (v) values ("`+honeyMail+`")`),
	inboundText("version comment", "insert into inbox (v) /*!50000 values ('"+honeyMail+"') */"),
	inboundText("second of several statements", "do 1; insert into inbox (v) values ('"+honeyMail+"')"),
	{name: "inbound: statement of 2 MB", channel: "statement", kind: "email", stmt: "insert into inbox", inbound: true, cut: true, do: func(x *myTry) {
		x.command(mysql.COM_QUERY, "insert into inbox (v) values ('"+strings.Repeat("x", 2<<20)+"'), ('"+honeyMail+"')")
		bigDrain(x)
	}},
	{name: "bound parameter", channel: "bind", kind: "email", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		x.binary("insert into inbox (v) values (?)", honeyMail)
	}},
	{name: "bound among others", channel: "bind", kind: "phone", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		x.binary("insert into inbox (v) values (?), (?), (?)", "a", honeyPhone, "b")
	}},
	{name: "bound as BIGINT", channel: "bind", kind: "card_number", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		id := x.prepare("insert into inbox (v) values (?)")
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 0)+"\x00\x01\x08\x00"+cardBinary())
		x.results()
	}},
	{name: "bound again without types", channel: "bind", kind: "email", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		id := x.prepare("insert into inbox (v) values (?)")
		x.execute(id, "harmless")
		x.query("delete from inbox")
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 0)+"\x00\x00"+string(lstr(honeyMail)))
		x.results()
	}},
	{name: "parameter sent in advance (COM_STMT_SEND_LONG_DATA)", channel: "bind", kind: "email", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		id := x.prepare("insert into inbox (v) values (?)")
		x.long(id, 0, honeyMail)
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 0)+"\x00\x01\xfc\x00")
		x.results()
	}},
	{name: "parameter sent in advance in two pieces", channel: "bind", kind: "email", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		id := x.prepare("insert into inbox (v) values (?)")
		x.long(id, 0, "x "+honeyMail[:20])
		x.long(id, 0, honeyMail[20:]+" y")
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 0)+"\x00\x01\xfc\x00")
		x.results()
	}},
	{name: "bulk execution (MariaDB)", channel: "bind", kind: "email", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		id := x.prepare("insert into inbox (v) values (?)")
		b := append(binary.LittleEndian.AppendUint32(nil, id), 128, 0, 0xfd, 0)
		for _, v := range []string{"a", honeyMail, "b"} {
			b = append(append(b, 0), lstr(v)...)
		}
		x.forget()
		x.command(0xfa, string(b))
		x.results()
	}},
	{name: "user variable in SQL PREPARE", channel: "statement", kind: "email", stmt: "set @v", inbound: true, do: func(x *myTry) {
		x.query("set @v = '" + honeyMail + "'")
		x.query("prepare s from 'insert into inbox (v) values (?)'; execute s using @v")
	}},
	{name: "gbk, behind a byte that swallows a backslash", channel: "statement", kind: "email", stmt: "insert into inbox", inbound: true, do: func(x *myTry) {
		x.query("set names gbk")
		x.query("insert into inbox (v) values ('\xbf\\'), ('" + honeyMail + "')")
	}},
	{name: "COM_INIT_DB", channel: "statement", kind: "api_key", stmt: "use", inbound: true, echoed: true, do: func(x *myTry) {
		x.simple(mysql.COM_INIT_DB, honeyAPIKey)
	}},
	{name: "LOAD DATA LOCAL INFILE", channel: "copy-in", kind: "email", stmt: "load data local", inbound: true, cut: true, do: func(x *myTry) {
		x.file = []byte("first\nsecond " + honeyMail + "\nthird\n")
		x.forget()
		x.command(mysql.COM_QUERY, "load data local infile 'rows.txt' into table inbox (v)")
		localFile(x)
	}},
	{name: "LOAD DATA LOCAL INFILE, value split over packets", channel: "copy-in", kind: "email", stmt: "load data local", inbound: true, cut: true, do: func(x *myTry) {
		x.file = []byte(strings.Repeat("y", 3990) + "\n" + honeyMail + "\n")
		x.forget()
		x.command(mysql.COM_QUERY, "load data local infile 'rows.txt' into table inbox (v)")
		localFile(x)
	}},
	{name: "mariadb-import --local", channel: "copy-in", kind: "email", stmt: "LOAD DATA", inbound: true, cut: true, do: func(x *myTry) {
		file := filepath.Join(x.t.TempDir(), "inbox.txt")
		if err := os.WriteFile(file, []byte("1\t"+honeyMail+"\n"), 0o600); err != nil {
			x.t.Fatal(err)
		}
		_, _ = my.db.Tool(x.t.Context(), "mariadb-import", append(my.db.NoTLS(), "--host=127.0.0.1", "--port="+x.port, "--user=clerk", "--local", "crm", file)...)
	}},
	{name: "statement echoed", channel: "statement", kind: "email", stmt: "select '", inbound: true, echoed: true, do: func(x *myTry) {
		x.query("select '" + honeyMail + "'")
	}},
	{name: "parameter echoed", channel: "bind", kind: "email", stmt: "select ?", inbound: true, echoed: true, do: func(x *myTry) {
		x.binary("select ?", honeyMail)
	}},
	{name: "error that names the literal", channel: "statement", kind: "email", stmt: "insert into checked", inbound: true, echoed: true, do: func(x *myTry) {
		x.query("insert into checked (n) values ('" + honeyMail + "')")
	}},
}

func inboundText(name, sql string, kind ...string) myWay {
	w := myWay{name: "inbound: " + name, channel: "statement", kind: "email", stmt: fmt.Sprintf("%.20s", sql), inbound: true}
	if len(kind) > 0 {
		w.kind = kind[0]
	}
	w.do = func(x *myTry) { x.query(sql) }
	return w
}

// localFile sends the file that the server asks for, though the session may end
// in the middle of it.
func localFile(x *myTry) {
	p, err := x.read()
	if err != nil || p[0] != 0xfb {
		return
	}
	seq := byte(2)
	for at := 0; at < len(x.file); at += 4000 {
		x.write(seq, x.file[at:min(at+4000, len(x.file))])
		seq++
	}
	x.write(seq, nil)
	if p, err = x.read(); err == nil {
		x.note(p)
	}
}
