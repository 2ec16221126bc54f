package app

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/proxy"
	"honeyrow/token"
)

func TestMySQLOptionsBelongToMySQLServers(t *testing.T) {
	text := func(protocol, listener string) string {
		return fmt.Sprintf("registry: {path: r.db, key_file: r.key}\nservers: [{name: a, protocol: %s, address: 127.0.0.1:3306}]\nlisteners: [{name: a, address: 127.0.0.1:0%s}]\nseed: {domain: decoy.corp.example}\n", protocol, listener)
	}
	for _, tc := range []struct{ protocol, listener, want string }{
		{"mysql", ", local_infile: refuse, replication: [repl]", ""},
		{"postgres", ", channel_binding: strip", ""},
		{"mysql", ", channel_binding: strip", "for a PostgreSQL server"},
		{"postgres", ", local_infile: refuse", "for a MySQL server"},
		{"oracle", "", "use postgres, mysql"},
	} {
		_, err := ParseConfig("honeyrow.yaml", []byte(text(tc.protocol, tc.listener)))
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s%s: %v", tc.protocol, tc.listener, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s%s: got %v, want %q", tc.protocol, tc.listener, err, tc.want)
		}
	}
}

// A MariaDB server behind a listener of its own: the same registry, engine and
// alerts.
func TestAMariaDBSessionIsWatchedRefusedAndGoesOn(t *testing.T) {
	my, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	if err := my.Exec(t.Context(), "", `create database shop; create table shop.customers (id int primary key, email varchar(80));
		insert into shop.customers values (1, 'a@corp.example'), (4711, '`+honeyMail+`');
		create user app@'127.0.0.1' identified by 'pw'; grant all on shop.* to app@'127.0.0.1'`); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, "")
	text := func(rules string) string {
		return fmt.Sprintf("servers: [{name: shop, protocol: mysql, address: %q}]\nlisteners: [{name: shop, address: 127.0.0.1:0}]\n"+
			"alerts: {sinks: [{name: file, type: file, path: alerts.jsonl}]}\ndrain: {deadline: 2m, flush: 2m}\n%s", my.Addr(), rules)
	}
	s.configure(text(""))
	now := time.Now().UTC()
	s.withStore(func(st *Store) error {
		return st.Add(t.Context(), []token.Token{{
			ID: event.NewID(), Row: event.NewID(), Kind: "email", Value: honeyMail, Strength: token.Strong,
			Place:      event.Place{Server: "shop", Database: "shop", Table: "customers", Column: "email", Key: "4711"},
			Deployment: "test", PlantedBy: "dba@corp", PlantedAt: now, State: token.Live, ChangedAt: now,
		}})
	})
	s.start()
	db, err := sql.Open("mysql", "app:pw@tcp("+s.app.Addrs()["shop"]+")/shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	// Health checks leave no trace at the server, which would shut the proxy out
	// after some broken logins.
	const connections = "show global status where variable_name in ('Aborted_connects', 'Connections')"
	count := func() string {
		rows, err := my.Query(t.Context(), "", connections)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	var aborted, connected [2]int
	for i := range 2 {
		if _, err := fmt.Sscanf(count(), "Aborted_connects %d\nConnections %d", &aborted[i], &connected[i]); err != nil {
			t.Fatal(err)
		}
		for range 10 * (1 - i) {
			l := &ListenerConfig{Config: proxy.Config{Protocol: mysql, Address: s.app.Addrs()["shop"]}}
			if err := askListener(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
	}
	if aborted[1] != aborted[0] || connected[1] != connected[0]+1 { // the second question's own
		t.Errorf("ten health checks: the server counts %d connections and %d aborted ones", connected[1]-connected[0]-1, aborted[1]-aborted[0])
	}
	read := func(q string, args ...any) (n int, err error) {
		rows, err := db.QueryContext(t.Context(), q, args...)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			n++
		}
		return n, rows.Err()
	}
	if n, err := read("select * from customers where id = ?", 1); n != 1 || err != nil {
		t.Fatalf("an ordinary row: %d, %v", n, err)
	}
	if n, err := read("select id, concat('<', email, '>') from customers"); n != 2 || err != nil {
		t.Fatalf("all rows: %d, %v", n, err)
	}
	d := s.awaitDetections(1)[0]
	if d.Client.User != "app" || d.Client.Database != "shop" || d.Client.Protocol != "mysql" || d.Client.BackendPID == 0 || d.HoneyRows != 1 {
		t.Errorf("the alert says %+v, %d honey rows", d.Client, d.HoneyRows)
	}

	s.configure(text("rules: {honey-row-read: {action: block}}\n"))
	if err := s.app.Reload(t.Context(), s.config()); err != nil {
		t.Fatal(err)
	}
	if n, err := read("select * from customers where id > ?", 0); err == nil || n > 1 {
		t.Errorf("a refused result gave %d rows, %v", n, err)
	}
	if n, err := read("select * from customers where id = ?", 1); n != 1 || err != nil {
		t.Errorf("after the refusal: %d, %v", n, err)
	}
}
