package mywire

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
)

// client runs the mariadb command line client against the proxy.
func client(t testing.TB, s *myserver.Server, addr, input string, args ...string) (string, error) {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	all := append([]string{"--host=127.0.0.1", "--port=" + port, "--protocol=tcp", "--batch", "--skip-column-names"}, args...)
	if !strings.Contains(strings.Join(args, " "), "--user") {
		all = append(all, "--user=native_u", "--password=secret")
	}
	if !strings.Contains(strings.Join(args, " "), "--ssl") {
		all = append(all, s.NoTLS()...)
	}
	return s.Client(t.Context(), input, all...)
}

func TestTheServersOwnClientWorksWithAllItsFeatures(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	file := t.TempDir() + "/rows.txt"
	if err := os.WriteFile(file, []byte("1\tann@crm.example\n2\tbob@crm.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ in, want string }{
		{"select 1; select 'a', null; select 2 from dual where false", "1\na\tNULL\n"},
		{"drop procedure if exists p;\ndelimiter //\ncreate procedure p() begin select 1; select 'two'; select 'x' from seq_1_to_3; end//\ndelimiter ;\ncall p();", "1\ntwo\nx\nx\nx\n"},
		{"drop table if exists f; create table f (a int, b varchar(60) default 'a default'); load data local infile '" + file + "' into table f; select * from f", "1\tann@crm.example\n2\tbob@crm.example\n"},
		{"execute immediate concat('load data local in', 'file ''" + file + "'' into table f'); select count(*) from f", "4\n"},
		{"prepare p from 'select ?'; set @a = 'arg'; execute p using @a", "arg\n"},
		{"use other; select database(); use `crm`; select database()", "other\ncrm\n"},
		{"select repeat('a', 300000)", strings.Repeat("a", 300000) + "\n"},
		{"set names latin1; select hex('\xeb')", "EB\n"},
		{"select sleep(0); show warnings; select 7", "0\n7\n"},
	} {
		if s.Kind == myserver.MySQL && strings.HasPrefix(tt.in, "execute immediate") {
			tt.in = strings.Replace(strings.TrimPrefix(tt.in, "execute immediate "), "concat('load data local in', 'file ''"+file+"'' into table f')", "load data local infile '"+file+"' into table f", 1)
		}
		got, err := client(t, s, addr, tt.in, "--database=crm", "--local-infile=1")
		if err != nil || got != tt.want {
			t.Errorf("%s: got %.200q, %v; want %.200q", tt.in, got, err, tt.want)
		}
	}
	if got, err := client(t, s, addr, "status", statusArgs(s)...); err != nil || !strings.Contains(got, "Server version") {
		t.Errorf("status: %q, %v", got, err)
	}
	// Asked to compress, the client goes on without.
	if got, err := client(t, s, addr, "select 8", "--compress"); err != nil || got != "8\n" {
		t.Errorf("--compress: %q, %v", got, err)
	}
	if got := string(rec.Bytes(event.ChannelCopyIn)); got != strings.Repeat("1\tann@crm.example\n2\tbob@crm.example\n", 2) {
		t.Errorf("the file was shown as %q", got)
	}
	var schemas []string
	for _, c := range rec.Calls("Set") {
		if c.Name == schemaParameter {
			schemas = append(schemas, c.Value)
		}
	}
	if got := strings.Join(schemas, " "); !strings.Contains(got, "other crm") {
		t.Errorf("schemas %q", got)
	}
	calls := rec.Calls("Open")
	if got := calls[0].Client.Attributes; got["program_name"] != "mysql" && got["program_name"] != "mariadb" || got["_pid"] == "" || got["_os"] == "" {
		t.Errorf("attributes %v", got)
	}
}

func TestPacketsOfMoreThan16MiBPassInBothDirections(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.Quiet = true
	rec.SuspectOnly("never there")
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm?maxAllowedPacket=268435456&interpolateParams=true", addr))
	for _, n := range []int{1 << 16, 1<<24 - 1 - 4, 1<<24 - 1, 1<<25 + 7} {
		big := bytes.Repeat([]byte("z"), n)
		big[n-1] = '!'
		var back []byte
		var l int
		if err := c.QueryRowContext(t.Context(), "select ?, length(?)", big, "x").Scan(&back, &l); err != nil || !bytes.Equal(back, big) {
			t.Fatalf("%d bytes: %d came back, %v", n, len(back), err)
		}
		// A text of exactly the size that needs an empty packet behind it.
		if err := c.QueryRowContext(t.Context(), "select /*"+strings.Repeat("c", max(n-24, 0))+"*/ 'small'").Scan(&back); err != nil || string(back) != "small" {
			t.Fatalf("statement of %d bytes: %q, %v", n, back, err)
		}
	}
	c = open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm?maxAllowedPacket=268435456", addr))
	big := bytes.Repeat([]byte("y"), 1<<24+9)
	var back []byte
	if err := c.QueryRowContext(t.Context(), "select concat(?, 1)", big).Scan(&back); err != nil || len(back) != len(big)+1 {
		t.Fatalf("prepared: %d, %v", len(back), err)
	}
}

func TestRefusalInTheMiddleLeavesTheRealSessionUsable(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.Quiet = true
	rec.SuspectOnly("honey@corp.example")
	rec.BlockWhen(event.ChannelRow, "honey@corp.example")
	rec.BlockWhen(event.ChannelBind, "stolen-key")
	rec.BlockWhen(event.ChannelStatement, "stolen-key")
	rec.BlockWhen(event.ChannelError, "honey@corp.example")
	rec.BlockWhen(event.ChannelLabel, "honey_label")
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	for _, extra := range []string{"multiStatements=true&interpolateParams=true", "multiStatements=true"} {
		c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm?%s", addr, extra))
		ctx := t.Context()
		fine := func(what string) {
			t.Helper()
			var n, m int
			if err := c.QueryRowContext(ctx, "select 7, ?", 8).Scan(&n, &m); err != nil || n != 7 || m != 8 {
				t.Fatalf("%s, %s: then %d, %d, %v", extra, what, n, m, err)
			}
		}
		for _, q := range []string{
			"select seq, if(seq = 3, concat('honey@', 'corp.example'), 'x') from seq_1_to_5",
			"select seq, if(seq = 3000, concat('honey@', 'corp.example'), 'x') from seq_1_to_500000",
			"select concat('honey@', 'corp.example', repeat('a', 100000))",
			"select extractvalue(1, concat(0x7e, 'honey@', 'corp.example'))",
			"select 'a' as honey_label",
			"select 1 from dual where 'stolen-key' = 1",
		} {
			err := drainRows(ctx, c, q)
			var me *mysql.MySQLError
			if !errors.As(err, &me) || me.Number != codeForbidden {
				t.Fatalf("%s: %s: %v, want the refusal", extra, q, err)
			}
			fine(q)
		}
		err := drainRows(ctx, c, "select ?, 2", "stolen-key")
		var me *mysql.MySQLError
		if !errors.As(err, &me) || me.Number != codeForbidden {
			t.Fatalf("%s: a refused parameter: %v", extra, err)
		}
		fine("parameter")
		if strings.Contains(extra, "interpolate") {
			err := drainRows(ctx, c, "select 1; select concat('honey@', 'corp.example'); select 3; select 4 from seq_1_to_1000")
			if !errors.As(err, &me) || me.Number != codeForbidden {
				t.Fatalf("several statements: %v", err)
			}
			fine("several statements")
		}
	}
	out, err := client(t, s, addr, "select 1; select concat('honey@', 'corp.example'); select 3;", "--force")
	if err == nil && out != "1\n3\n" || err != nil && (out != "1\n3\n" || !strings.Contains(err.Error(), "ERROR 1142 (42000)")) {
		t.Errorf("mariadb client: %q, %v", out, err)
	}
}

// statusArgs let the client have commands of its own, which MySQL's of 9 does
// not do unless told.
func statusArgs(s *myserver.Server) []string {
	if s.MySQLFrom(80000) { // the client of before takes commands from a pipe
		return []string{"--commands", "--database=crm"}
	}
	return []string{"--database=crm"}
}

// drainRows reads all results of a query.
func drainRows(ctx context.Context, c *sql.Conn, q string, args ...any) error {
	rows, err := c.QueryContext(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		for rows.Next() {
		}
		if rows.Err() != nil || !rows.NextResultSet() {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

func TestValuesLookTheSameInTextAndInBinary(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.Again = true // 1e+20, and the integer that it is
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	setup := "drop table if exists v; create table v (a tinyint, b smallint unsigned, c mediumint, d int, e bigint, f bigint unsigned, g decimal(20,3), h date, i datetime, j datetime(3), k time, l time(6), m year, n timestamp, o varchar(20), p blob, q enum('x','y'), r set('a','b'), s bit(8), t json, u int(8) zerofill, w double(10,2), x char(3), y double, z float);" +
		"insert into v values (-128, 65535, -8388608, -2147483648, -9223372036854775808, 18446744073709551615, -12345678901234567.891, '1999-12-31', '2026-11-21 01:02:03', '2026-11-21 01:02:03.450', '-12:00:05', '300:59:59.000001', 2026, '2026-11-21 04:05:06', 'te xt', 0x00ff, 'y', 'a,b', b'1000001', '{\"a\": 1}', 42, 3.5, null, 1.5e20, 1e-20)," +
		"(0,0,0,0,4111111111111111,0,0,'0000-00-00','0000-00-00 00:00:00','2026-11-21 00:00:00','00:00:00','00:00:00',0,'2026-11-21 00:00:00','',null,'x','',b'0',null,0,0,'abc', 1e15, -1e16)," +
		"(1,1,1,1,1,1,1,null,null,null,null,null,null,'2026-11-21 00:00:00','',null,'x','',b'0',null,0,0,'abc', 123456789012345, 0.25), (1,1,1,1,1,1,1,null,null,null,null,null,null,'2026-11-21 00:00:00','',null,'x','',b'0',null,0,0,'abc', -1e-15, 1234.5), (1,1,1,1,1,1,1,null,null,null,null,null,null,'2026-11-21 00:00:00','',null,'x','',b'0',null,0,0,'abc', 1.25e-16, 1e14)"
	if err := s.Exec(t.Context(), "crm", "set sql_mode = ''; "+setup); err != nil {
		t.Fatal(err)
	}
	rows := map[bool][]inspecttest.Call{}
	for _, binary := range []bool{false, true} {
		rec.Reset()
		c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm?interpolateParams=%v", addr, !binary))
		if err := drainRows(t.Context(), c, "select * from v where ? = 1", 1); err != nil {
			t.Fatal(err)
		}
		rows[binary] = rec.Calls("Row")
	}
	if len(rows[false]) != 5 || len(rows[true]) != 5 {
		t.Fatalf("%d and %d rows", len(rows[false]), len(rows[true]))
	}
	for i := range rows[false] {
		for col := range 25 {
			a, hasA := rows[false][i].Field(col)
			b, hasB := rows[true][i].Field(col)
			if string(a) != string(b) || hasA != hasB {
				t.Errorf("row %d, column %c: text %q (%v), binary %q (%v)", i, 'a'+col, a, hasA, b, hasB)
			}
		}
	}
	cols := rec.Calls("Describe")
	if got := cols[len(cols)-1].Cols[4]; got.OrgTable != "v" || got.OrgName != "e" || got.OrgSchema != "crm" || got.Name != "e" || got.Type != 8 || got.Binary {
		t.Errorf("column %+v", got)
	}
}

// Evasion: the server sends whatever character set it is asked for.
func TestRowsInWideCharacterSetsAreReadAsText(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.SuspectOnly("honey@corp.example")
	rec.GateBits = 1<<16 | 1<<17 | 1<<19 // of the numbers below
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	if err := s.Exec(t.Context(), "crm", "drop table if exists w; create table w (id bigint, e varchar(60), d decimal(20,2), t datetime); insert into w values (4111111111111111, 'honey@corp.example', 41111111111111.11, '2026-11-21 01:02:03')"); err != nil {
		t.Fatal(err)
	}
	for _, cs := range []string{"utf8mb4", "latin1", "binary", "ucs2", "utf16", "utf16le", "utf32"} {
		for _, interpolate := range []bool{true, false} {
			rec.Reset()
			c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm?interpolateParams=%v", addr, interpolate))
			if _, err := c.ExecContext(t.Context(), "set character_set_results = "+cs); err != nil {
				t.Fatal(err)
			}
			if err := drainRaw(t.Context(), c, "select e, id, d, t from w where ? = 1", 1); err != nil {
				t.Fatal(err)
			}
			calls := rec.Calls("Row")
			if len(calls) != 1 {
				t.Errorf("%s, interpolate %v: %d rows were shown", cs, interpolate, len(calls))
				continue
			}
			for i, want := range []string{"honey@corp.example", "4111111111111111", "41111111111111.11", "2026-11-21 01:02:03"} {
				if got, _ := calls[0].Field(i); string(got) != want {
					t.Errorf("%s, interpolate %v: column %d shown as %q", cs, interpolate, i, got)
				}
			}
			d := rec.Calls("Describe")
			if got := d[len(d)-1].Cols[0]; got.Name != "e" || got.OrgTable != "w" || got.OrgName != "e" {
				t.Errorf("%s: column %+v", cs, got)
			}
			if wide := len(cs) > 3 && cs[:3] == "utf" && cs != "utf8mb4" || cs == "ucs2"; wide {
				continue // this server cuts the text of errors at its first zero byte
			}
			err := drainRows(t.Context(), c, "select extractvalue(1, concat(0x7e, (select e from w limit 1)))")
			if err == nil || !bytes.Contains(rec.Bytes(event.ChannelError), []byte("honey@corp.example")) {
				t.Errorf("%s: error text shown as %q (%v)", cs, rec.Bytes(event.ChannelError), err)
			}
		}
	}
	// NULL sends each column in its own.
	rec.Reset()
	c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm?interpolateParams=true", addr))
	if _, err := c.ExecContext(t.Context(), "set character_set_results = null"); err != nil {
		t.Fatal(err)
	}
	if err := drainRows(t.Context(), c, "select convert(e using utf16), repeat(convert(e using utf32), 3000) from w"); err != nil {
		t.Fatal(err)
	}
	if calls := rec.Calls("Stream"); len(calls) == 0 || !bytes.Contains(calls[0].Data, []byte("honey@corp.example")) {
		t.Errorf("a large row in utf16 and utf32 was not read: %d pieces", len(calls))
	}
}

func TestKillFromASecondConnectionReachesTheStatement(t *testing.T) {
	s, _, _ := realServer(t)
	addr := proxied(t, inspecttest.New(), Config{Server: Server{Address: s.Addr()}})
	a, b := open(t, "native_u:secret@tcp("+addr+")/crm"), open(t, "native_u:secret@tcp("+addr+")/crm")
	var id int
	if err := a.QueryRowContext(t.Context(), "select connection_id()").Scan(&id); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- drainRows(context.Background(), a, "select sleep(1000)") }()
	for {
		if _, err := b.ExecContext(t.Context(), fmt.Sprintf("kill query %d", id)); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			var me *mysql.MySQLError // or none: a sleep that is cut short returns 1
			if err != nil && (!errors.As(err, &me) || me.Number != 1317) {
				t.Fatalf("killed statement: %v", err)
			}
			return
		case <-time.After(20 * time.Millisecond): // it may not have begun yet: kill again
		}
	}
}

func TestLoadDataLocalFromGoAndARefusedFile(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.BlockWhen(event.ChannelCopyIn, "stolen-key")
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	c := open(t, "native_u:secret@tcp("+addr+")/crm")
	for _, q := range []string{"drop table if exists l", "create table l (a int, b text)"} {
		if _, err := c.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	var data bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&data, "%d\trow %d\n", i, i)
	}
	want := data.Len()
	mysql.RegisterReaderHandler("many", func() io.Reader { return &data })
	mysql.RegisterReaderHandler("stolen", func() io.Reader { return strings.NewReader("1\tstolen-key\n") })
	res, err := c.ExecContext(t.Context(), "LOAD DATA LOCAL INFILE 'Reader::many' INTO TABLE l")
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := res.RowsAffected(); n != 100_000 {
		t.Fatalf("%d rows", n)
	}
	if got := len(rec.Bytes(event.ChannelCopyIn)); got != want {
		t.Errorf("%d of %d bytes were shown", got, want)
	}
	if _, err := c.ExecContext(t.Context(), "LOAD DATA LOCAL INFILE 'Reader::stolen' INTO TABLE l"); err == nil {
		t.Error("a refused file was loaded")
	}
	var n int
	if out, err := s.Query(t.Context(), "crm", "select count(*) from l"); err != nil || out != "100000\n" {
		t.Errorf("%d rows: %q, %v", n, out, err)
	}
	refusing := proxied(t, inspecttest.New(), Config{LocalInfile: InfileRefuse, Server: Server{Address: s.Addr()}})
	c = open(t, "native_u:secret@tcp("+refusing+")/crm")
	mysql.RegisterReaderHandler("none", func() io.Reader { return strings.NewReader("1\tx\n") })
	if _, err := c.ExecContext(t.Context(), "LOAD DATA LOCAL INFILE 'Reader::none' INTO TABLE l"); err == nil {
		t.Error("local_infile refuse let a file pass")
	}
}

func TestBinaryLogIsOnlyForListedUsersAndIsInspected(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	addr, p := proxiedWith(t, rec, Config{Replication: []string{"replica_u"}, Server: Server{Address: s.Addr()}}, originNone, func(error) {})
	if err := s.Exec(t.Context(), "crm", "drop table if exists b; create table b (e varchar(60)); insert into b values ('honey@binlog.example')"); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	read := func(user string) (string, error) {
		return s.Tool(t.Context(), "mariadb-binlog", append(s.NoTLS(), "--read-from-remote-server", "--host=127.0.0.1", "--port="+port, "--protocol=tcp", "--user="+user, "--password=secret", "binlog.000001")...)
	}
	if out, err := read("native_u"); err == nil || !strings.Contains(err.Error(), "replication") {
		t.Errorf("a user who is not listed: %v\n%.500s", err, out)
	}
	if got := p.Counters.ReplicationRefused.Load(); got != 1 {
		t.Errorf("%d refusals counted", got)
	}
	if bytes.Contains(rec.Bytes(event.ChannelReplication), []byte("honey@binlog.example")) {
		t.Error("the log was read all the same")
	}
	if out, err := read("replica_u"); err != nil || !strings.Contains(out, "COMMIT") {
		t.Errorf("a listed user: %v\n%.500s", err, out)
	}
	if !bytes.Contains(rec.Bytes(event.ChannelReplication), []byte("honey@binlog.example")) {
		t.Error("the log was not inspected")
	}
	var who []string
	for _, c := range rec.Calls("Open") {
		if c.Client.Replication != "" {
			who = append(who, c.Client.User+" "+c.Client.Replication)
		}
	}
	if got := strings.Join(who, ", "); got != "native_u COM_BINLOG_DUMP, replica_u COM_BINLOG_DUMP" {
		t.Errorf("replication sessions %q", got)
	}
}

// drainRaw is drainRows for values that the driver can't decode: it stops at
// the first of them, and the rest of the result is read when it is closed.
func drainRaw(ctx context.Context, c *sql.Conn, q string, args ...any) error {
	err := drainRows(ctx, c, q, args...)
	if err != nil && strings.Contains(err.Error(), "invalid syntax") {
		return nil
	}
	return err
}

// collations asks for the ids and character sets of all collations.
func collations(r myserver.Release) string {
	if r.Kind == myserver.MySQL || r.Version < 101000 {
		return "select distinct id, character_set_name from collations"
	}
	return "select distinct id, character_set_name from collation_character_set_applicability where id is not null"
}

func TestWideCharacterSetsAreThoseOfARealServer(t *testing.T) {
	s, _, _ := realServer(t)
	out, err := s.Query(t.Context(), "information_schema", collations(s.Release))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]encoding{"ucs2": utf16be, "utf16": utf16be, "utf16le": utf16le, "utf32": utf32be}
	lines := strings.Fields(out)
	if len(lines) < 400 {
		t.Fatalf("%d fields", len(lines))
	}
	for i := 0; i < len(lines); i += 2 {
		var id uint16
		if _, err := fmt.Sscan(lines[i], &id); err != nil {
			t.Fatal(err)
		}
		if got := wideCharset(id); got != want[lines[i+1]] {
			t.Errorf("collation %d of %s: encoding %d", id, lines[i+1], got)
		}
	}
}

// A dump through the proxy is the server's own, byte for byte, and a restore
// through it gives the same tables.
func TestDumpAndRestoreAreTheSameThroughTheProxy(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.Quiet, rec.NoRows = true, true
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	seq20 := "seq_1_to_20000"
	if s.Kind == myserver.MySQL {
		seq20 = "crm." + seq20
	}
	err := s.Exec(t.Context(), "", `drop database if exists shop; create database shop; use shop;
		create table a (id int primary key auto_increment, t text, b blob, d decimal(10,2), j json, e enum('x','y'), at timestamp default '2026-01-01') engine=innodb;
		insert into a (t, b, d, j, e) select concat('row ', seq, repeat('z', seq % 500)), unhex(lpad(hex(seq), 40, '0')), seq / 7, '{"a":1}', if(seq % 2, 'x', 'y') from `+seq20+`;
		create view v as select id, t from a where id < 10;
		create procedure p() select 1; create trigger g before insert on a for each row set new.d = 1;
		drop database if exists shop2; create database shop2`)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	dumping := s.NoTLS()
	if s.Kind == myserver.MySQL {
		dumping = append(dumping, "--set-gtid-purged=OFF")
	}
	dump := func(port, db string) string {
		t.Helper()
		out, err := s.Tool(t.Context(), "mariadb-dump", append(dumping[:len(dumping):len(dumping)], "--host=127.0.0.1", "--port="+port, "--protocol=tcp", "--user=native_u", "--password=secret", "--routines", "--skip-dump-date", "--hex-blob", "--compress", db)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	direct := dump(fmt.Sprint(s.Port), "shop")
	if got := dump(port, "shop"); got != direct || len(got) < 1_000_000 {
		t.Fatalf("the dump through the proxy differs: %d bytes, direct %d", len(got), len(direct))
	}
	if _, err := client(t, s, addr, direct, "--database=shop2"); err != nil {
		t.Fatal(err)
	}
	if got := dump(port, "shop2"); strings.ReplaceAll(got, "shop2", "shop") != direct {
		t.Error("what was restored differs")
	}
}

func TestErrorsOfTheServerAreToldByTheirStateAndSyntaxErrorsByTheirNumber(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	c := open(t, "native_u:secret@tcp("+proxied(t, rec, Config{Server: Server{Address: s.Addr()}})+")/crm")
	for _, tt := range []struct{ sql, want string }{
		{"selec 1", "1064"}, {"select 'a", "1064"}, {"select * from nosuch", "42S02"}, {"select nosuch()", "42000"}, {"do 1", "OK"},
	} {
		_, _ = c.ExecContext(t.Context(), tt.sql)
		done := rec.Calls("Done")
		if len(done) == 0 || done[len(done)-1].Name != tt.want {
			t.Errorf("%s: %+v, want the code %s", tt.sql, done, tt.want)
		}
		rec.Reset()
	}
}

// How a session's texts are to be read is in every status that the server sends,
// also where the client tracks nothing. Oracle's MySQL has no bit for ANSI_QUOTES.
func TestTheModesThatChangeWhatAQuoteMeansAreToldByTheStatus(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	c := open(t, "native_u:secret@tcp("+proxied(t, rec, Config{Server: Server{Address: s.Addr()}})+")/crm")
	for _, tt := range []struct{ mode, want string }{
		{"", ""},
		{"NO_BACKSLASH_ESCAPES", "no_backslash_escapes=on"},
		{"NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES", ""},
		{"ANSI_QUOTES", "no_backslash_escapes=off ansi_quotes=on"},
		{"", "ansi_quotes=off"},
	} {
		rec.Reset()
		if _, err := c.ExecContext(t.Context(), "set sql_mode = '"+tt.mode+"'"); err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, x := range rec.Calls("Set") {
			if strings.HasSuffix(x.Name, "_escapes") || strings.HasSuffix(x.Name, "_quotes") {
				told = append(told, x.Name+"="+x.Value)
			}
		}
		if s.Kind == myserver.MySQL {
			tt.want, _, _ = strings.Cut(tt.want, "ansi_quotes=")
			tt.want = strings.TrimSpace(tt.want)
		}
		if got := strings.Join(told, " "); got != tt.want {
			t.Errorf("%q: told %q, want %q", tt.mode, got, tt.want)
		}
	}
}
