package waysout

import (
	"context"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/proxy"
	"honeyrow/proxy/mywire"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
	"honeyrow/rules"
	"honeyrow/token"
)

const mySchema = `
create table customers (id int primary key, name varchar(80), email varchar(120), phone varchar(40), api_key varchar(60),
  card bigint, ref uuid, salary decimal(10,2), link text,
  born date, joined datetime(3), seen timestamp null, shift time, since year, score double, ratio float, flags smallint, level tinyint unsigned, medium mediumint, uid binary(16),
  unique (email)) default charset utf8mb4;
insert into customers select seq, 'Agatha', concat('agatha', seq, '@shop.example'), concat('+44 20 7946 ', lpad(seq, 4, '0')),
  concat('sk_live_', md5(seq)), 4929000000000000 + seq, insert(insert(md5(seq), 13, 1, '4'), 17, 1, 'a'), 1000 + seq, concat('https://shop.example/', seq),
  '1960-01-01' + interval seq day, '2020-01-01' + interval seq day, '2020-01-01' + interval seq day, sec_to_time(seq), 1990 + seq % 20, seq / 7, seq / 4, seq, seq % 200, seq, unhex(md5(concat('x', seq)))
  from seq_1_to_300;
create table orders (id int auto_increment primary key, customer int, note varchar(200));
insert into orders (customer, note) select seq, concat('order ', seq) from seq_1_to_300;
insert into orders (customer, note) values (900001, 'special');
create database other;
create user clerk@'%' identified by '';
grant all on *.* to clerk@'%' with grant option;
create user auditor@'%' identified by '';
grant select on *.* to auditor@'%';
`

// myLater is what ways need besides, made after the honey row.
const myLater = `
create view v_customers as select id, name, email as contact, phone from customers;
create algorithm = temptable view v_temp as select * from customers;
create function f_mail(k int) returns varchar(120) reads sql data return (select email from customers where id = k);
create table events (id int, email varchar(120)) partition by range (id) (partition low values less than (500000), partition high values less than maxvalue);
insert into events select id, email from customers;
create table wide (id int, body longtext);
insert into wide select 1, concat(repeat('x', 100000), email, repeat('y', 100000)) from customers where id = 900001;
insert into wide select 2, concat(repeat('x', 40000), ' ', email, ' ', repeat('y', 3000)) from customers where id = 900001;
insert into wide select 3, concat(repeat('x', 500), ' ', email, ' ', repeat('y', 200000)) from customers where id = 900001;
create table forms (id int, e_char char(60), e_blob blob, e_varbinary varbinary(100), e_binary binary(60), e_tiny tinytext, e_json json,
  e_latin varchar(100) charset latin1, e_utf16 varchar(100) charset utf16, e_ucs2 varchar(100) charset ucs2, e_utf32 varchar(100) charset utf32, e_utf16le varchar(100) charset utf16le,
  card_dec decimal(20,0), card_zero bigint(16) zerofill, card_char char(20), phone_char char(30));
insert into forms select id, email, email, email, email, email, json_quote(email), email, email, email, email, email, card, card, card, phone from customers where id > 900000;
create table history (id int, email varchar(120)) with system versioning;
insert into history select id, email from customers where id > 900000;
delete from history;
create table uniq (v varchar(200) primary key);
insert into uniq select email from customers where id > 900000;
create table checked (v varchar(10), n int, d datetime);
create table sink (id int, v varchar(200));
create table inbox (id int auto_increment primary key, v longtext);
create table skewed (email varchar(120));
insert into skewed select email from customers, seq_1_to_10 where id > 900000;
insert into skewed values ('x'), ('y');
set histogram_size = 10, histogram_type = json_hb;
analyze table skewed persistent for all;
set @e = (select email from customers where id = 900001), @k = (select api_key from customers where id = 900001);
execute immediate concat('create table defaulted (id int, v varchar(120) default ', quote(@e), ' comment ''c'')');
execute immediate concat('create table commented (id int comment ', quote(@e), ')');
execute immediate concat('create table listed (v varchar(120)) partition by list columns (v) (partition p values in (', quote(@e), '))');
execute immediate concat('create view v_const as select * from orders where note = ', quote(@e));
execute immediate concat('create view v_label as select 1 as ', concat(char(96), @e, char(96)));
execute immediate concat('create table ', concat(char(96), @k, char(96)), ' (id int)');
execute immediate concat('create table enumerated (v enum(', quote(@e), ', ''x''))');
execute immediate concat('create procedure p_text() comment ', quote(@e), ' select 1');
delimiter //
create procedure p_rows() begin select 1; select * from customers where id > 900000; select 'after'; end//
create procedure p_out(out e varchar(120), out p varchar(40)) begin select email, phone into e, p from customers where id = 900001; end//
create procedure p_inout(inout e varchar(120)) begin select email into e from customers where id = 900001; end//
create procedure p_dynamic(t varchar(60)) begin execute immediate concat('select email from ', t, ' where id > 900000'); end//
create procedure p_cursor() begin
  declare e varchar(120); declare done int default 0; declare c cursor for select email from customers where id > 900000;
  declare continue handler for not found set done = 1;
  open c; l: loop fetch c into e; if done then leave l; end if; select e; end loop; close c; end//
create procedure p_signal() begin declare e varchar(120); select email into e from customers where id = 900001; signal sqlstate '45000' set message_text = e; end//
create procedure p_resignal() begin declare e varchar(120);
  declare exit handler for sqlexception begin select email into e from customers where id = 900001; resignal set message_text = e; end; select 1 from nosuch; end//
create procedure p_warn() begin declare e varchar(120); select email into e from customers where id = 900001; signal sqlstate '01000' set message_text = e; end//
create procedure p_diagnostics() begin
  declare m text; declare exit handler for sqlexception begin get diagnostics condition 1 m = message_text; select m; end;
  insert into uniq select email from customers where id = 900001; end//
create procedure p_then_error() begin select 1; select extractvalue(1, concat('~', (select api_key from customers where id = 900001))); end//
create function f_error() returns int begin declare e varchar(120); select email into e from customers where id = 900001; signal sqlstate '45000' set message_text = e; return 1; end//
create function f_wide() returns int begin set character_set_results = utf16; return 1; end//
create function f_agg(v text) returns text return concat('<', v, '>')//
create trigger t_checked before insert on checked for each row begin declare e varchar(120); if new.n = 7 then select email into e from customers where id = 900001; signal sqlstate '45000' set message_text = e; end if; end//
delimiter ;
`

// mySettings are those of one kind of server.
var mySettings = map[myserver.Kind][]string{
	myserver.MariaDB: {"binlog_annotate_row_events = ON", "proxy_protocol_networks = 127.0.0.1"},
	myserver.MySQL:   {"binlog_rows_query_log_events = ON", "group_concat_max_len = 1M"},
}

// honeyUID stands in a column of 16 bytes.
const honeyUID = "6f0d2a7c-e1b9-4c55-a3d8-b7e41f20c9aa"

// myColumns are the honey row's in MariaDB; the first nine are those of PostgreSQL's.
var myColumns = []struct {
	name, value, kind string
	strength          token.Strength
}{
	{"id", honeyKey, "key", token.Weak},
	{"name", honeyName, "person_name", token.Weak},
	{"email", honeyMail, "email", token.Strong},
	{"phone", honeyPhone, "phone", token.Firm},
	{"api_key", honeyAPIKey, "api_key", token.Strong},
	{"card", honeyCard, "card_number", token.Firm},
	{"ref", honeyRef, "uuid", token.Strong},
	{"salary", honeySalary, "salary", token.Weak},
	{"link", honeyLink, "url", token.Strong},
	{"born", "1971-03-09", "birth_date", token.Weak},
	{"joined", "2019-07-21 06:05:04.321", "joined", token.Weak},
	{"seen", "2019-08-22 11:12:13", "seen", token.Weak},
	{"shift", "-31:07:08", "shift", token.Weak},
	{"since", "1971", "since", token.Weak},
	{"score", "731.4375", "score", token.Weak},
	{"ratio", "912.625", "ratio", token.Weak},
	{"flags", "-12345", "flags", token.Weak},
	{"level", "253", "level", token.Weak},
	{"medium", "-7654321", "medium", token.Weak},
	{"uid", honeyUID, "raw_id", token.Strong},
}

// farm is MariaDB, or MySQL, with its listeners, opened by the first test that needs it.
type farm struct {
	release myserver.Release
	once    sync.Once
	err     error
	db      *myserver.Server
	log     syncLog
	stop    context.CancelFunc
	wait    sync.WaitGroup

	alert, block gate // plain text, reporting and refusing
	calm         gate // as alert, with the tokens of a row that is not there
	judge        gate // as alert, and statements are judged
	words        gate // as judge, without a parser
	protect      gate // in protect mode, refusing whatever any rule speaks of
	replica      gate // clerk may replicate
	secure       gate // TLS with the client
	balanced     gate // PROXY headers from loopback
	certs        certs
}

var my = &farm{}

// mariadb returns the farm: MariaDB, or the server that HONEYROW_MY_BIN names.
func mariadb(t testing.TB) *farm {
	t.Helper()
	my.once.Do(func() { my.err = my.open(context.WithoutCancel(t.Context())) })
	if my.err != nil {
		t.Fatal(my.err)
	}
	return my
}

// forwards says whether the server takes PROXY headers where others send none:
// Percona Server wants one on every connection of its networks.
func (f *farm) forwards() bool { return f.release.Kind == myserver.MariaDB }

func (f *farm) close() {
	if f.stop != nil {
		f.stop()
		f.wait.Wait()
	}
	if f.db != nil {
		f.db.Stop()
		myserver.Cleanup()
	}
}

func (f *farm) open(ctx context.Context) error {
	found, err := myserver.Find()
	if err != nil {
		return err
	}
	f.release = found.Release
	f.db, err = myserver.Start(ctx, myserver.Options{Settings: append([]string{
		"log_bin = log", "log_bin_trust_function_creators = ON", "server_id = 1", "binlog_format = ROW", "max_allowed_packet = 64M", "local_infile = ON",
		"session_track_system_variables = *", "log_output = TABLE",
	}, mySettings[f.release.Kind]...)})
	if err != nil {
		return err
	}
	var cols, vals []string
	for _, c := range myColumns {
		v := "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(c.value) + "'"
		if c.name == "uid" {
			v = "x'" + strings.ReplaceAll(c.value, "-", "") + "'"
		}
		cols, vals = append(cols, c.name), append(vals, v)
	}
	plant := "insert into customers (" + strings.Join(cols, ",") + ") values (" + strings.Join(vals, ",") + ");"
	if err := f.db.Exec(ctx, "", "create database crm"); err != nil {
		return err
	}
	before, later := mySchemaOf(f.release)
	for _, sql := range []string{before, plant, later} {
		if err := f.db.Exec(ctx, "crm", sql); err != nil {
			return err
		}
	}
	ctx, f.stop = context.WithCancel(ctx)
	refuse := event.Block
	f.block.policy.Override = map[string]rules.Override{rules.RowRead: {Action: &refuse}, rules.ValuePresented: {Action: &refuse}}
	f.certs = y.certs
	snap := f.snapshot()
	for _, g := range []struct {
		*gate
		name    string
		cfg     mywire.Config
		from    []string
		forward bool
	}{
		{&f.alert, "alert", mywire.Config{}, nil, false},
		{&f.block, "block", mywire.Config{}, nil, false},
		{&f.calm, "calm", mywire.Config{}, nil, false},
		{&f.judge, "judge", mywire.Config{}, nil, false},
		{&f.words, "words", mywire.Config{}, nil, false},
		{&f.protect, "protect", mywire.Config{Protect: true, Hold: wire.HoldConfig{Size: roomy}}, nil, false},
		{&f.replica, "replica", mywire.Config{Replication: []string{"clerk"}}, nil, false},
		{&f.secure, "secure", mywire.Config{TLS: tlsconf.Client{Mode: tlsconf.Require, CertFile: f.certs.cert, KeyFile: f.certs.key, ClientCAFile: f.certs.ca, ClientAuth: tlsconf.CertOptional}}, nil, false},
		{&f.balanced, "balanced", mywire.Config{}, []string{"127.0.0.1"}, f.forwards()},
	} {
		log := zerolog.New(&f.log)
		g.cfg.Listener = g.name
		g.cfg.Server = mywire.Server{Name: "crm", Address: f.db.Addr(), TLS: tlsconf.Server{Mode: tlsconf.Disable}, ProxyProtocol: g.forward}
		tokens := snap
		if g.gate == &f.calm {
			tokens = sibling(snap)
		}
		err := g.open(ctx, &f.wait, log, tokens, proxy.Config{Name: g.name, Server: "crm", Address: "127.0.0.1:0", ProxyProtocol: proxy.ProxyProtocol{From: g.from}},
			func() (wire.Protocol, error) { return mywire.New(g.cfg, mywire.Deps{Inspector: g.engine, Log: log}) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *farm) snapshot() *token.Snapshot {
	s := &token.Snapshot{Version: 1}
	row, now := event.NewID(), time.Now()
	for _, c := range myColumns {
		t := token.Token{
			ID: event.NewID(), Row: row, Kind: c.kind, Value: c.value, Strength: c.strength, Key: c.kind == "key",
			Place:      event.Place{Server: "crm", Database: "crm", Table: "customers", Column: c.name, Key: honeyKey},
			Deployment: "test", PlantedBy: "dba@corp", PlantedAt: now, State: token.Live, ChangedAt: now,
		}
		if c.name == "uid" {
			t.Binary, _ = hex.DecodeString(strings.ReplaceAll(c.value, "-", ""))
		}
		s.Tokens = append(s.Tokens, t)
	}
	return s
}
