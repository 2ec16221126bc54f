package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/token"
)

const killRule = `
rules:
  - id: end-it
    title: A planted value was presented or read
    severity: critical
    condition: any(hits, true)
    message: "ask\n the Küche ☎"
    actions: {verdict: kill}
`

// killingSite is a site whose rule refuses and ends the session.
func killingSite(t *testing.T, mode string) *site {
	t.Helper()
	s := newSite(t, "")
	s.ownRules(killRule)
	s.configure(strings.Replace(configText("rule_files: [own.yaml]"), "127.0.0.1:0\n", "127.0.0.1:0\n    mode: "+mode+"\n", 1))
	s.plant()
	s.start()
	return s
}

// The session's end never overtakes the refusal that it belongs to, whatever is
// refused: a statement, a bound value, a result.
func TestARefusalComesBeforeTheEndOfItsSession(t *testing.T) {
	for _, mode := range []string{"detect", "protect"} {
		s := killingSite(t, mode)
		ask := map[string]func(context.Context, *pgconn.PgConn) error{
			"text": func(ctx context.Context, c *pgconn.PgConn) error {
				_, err := c.Exec(ctx, "select '"+honeyMail+"'").ReadAll()
				return err
			},
			"prepared": func(ctx context.Context, c *pgconn.PgConn) error {
				return c.ExecParams(ctx, "select '"+honeyMail+"'", nil, nil, nil, nil).Read().Err
			},
			"bound": func(ctx context.Context, c *pgconn.PgConn) error {
				return c.ExecParams(ctx, "select $1::text", [][]byte{[]byte(honeyMail)}, nil, nil, nil).Read().Err
			},
			"behind others": func(ctx context.Context, c *pgconn.PgConn) error {
				var b pgconn.Batch
				b.ExecParams("select 1", nil, nil, nil, nil)
				b.ExecParams("select $1::text", [][]byte{[]byte(honeyMail)}, nil, nil, nil)
				_, err := c.ExecBatch(ctx, &b).ReadAll()
				return err
			},
			"result": func(ctx context.Context, c *pgconn.PgConn) error {
				_, err := c.Exec(ctx, "select * from customers where id > 4000").ReadAll()
				return err
			},
			"portal": func(ctx context.Context, c *pgconn.PgConn) error {
				return c.ExecParams(ctx, "select * from customers where id > $1", [][]byte{[]byte("4000")}, nil, nil, nil).Read().Err
			},
			"large": func(ctx context.Context, c *pgconn.PgConn) error {
				_, err := c.Exec(ctx, "select '"+honeyMail+strings.Repeat("x", 2<<20)+"'").ReadAll()
				return err
			},
		}
		for name, f := range ask {
			t.Run(mode+", "+name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for range 15 {
					c, err := pgconn.Connect(ctx, "postgres://postgres@"+s.app.Addrs()["crm"]+"/postgres?sslmode=disable")
					if err != nil {
						t.Fatal(err)
					}
					err = f(ctx, c)
					var pe *pgconn.PgError
					if !errors.As(err, &pe) || pe.Code != "42501" || pe.Message != "permission denied: ask the Küche ☎" {
						t.Fatalf("told: %v", err)
					}
					if _, err := c.Exec(ctx, "select 1").ReadAll(); err == nil {
						t.Fatal("the session goes on")
					}
					c.Close(ctx)
				}
			})
		}
	}
}

func TestARulesTextIsInTheSessionsEncoding(t *testing.T) {
	s := killingSite(t, "detect")
	for encoding, want := range map[string]string{
		"UTF8": "ask the Küche ☎", "LATIN1": "ask the K\xfcche ?", "WIN1252": "ask the K\xfcche ?", "LATIN2": "ask the K?che ?", "SJIS": "ask the K?che ?",
	} {
		for _, later := range []bool{false, true} {
			dsn := "postgres://postgres@" + s.app.Addrs()["crm"] + "/postgres?sslmode=disable"
			if !later {
				dsn += "&client_encoding=" + encoding
			}
			c, err := pgconn.Connect(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			if later {
				if _, err := c.Exec(t.Context(), "set client_encoding = "+encoding).ReadAll(); err != nil {
					t.Fatal(err)
				}
			}
			_, err = c.Exec(t.Context(), "select '"+honeyMail+"'").ReadAll()
			var pe *pgconn.PgError
			if !errors.As(err, &pe) || pe.Message != "permission denied: "+want {
				t.Errorf("%s, set later %v: %q", encoding, later, err)
			}
			c.Close(context.Background())
		}
	}
}

func TestARefusalComesBeforeTheEndOfItsMariaDBSession(t *testing.T) {
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
	for _, mode := range []string{"detect", "protect"} {
		s := newSite(t, "")
		s.ownRules(killRule)
		s.configure(fmt.Sprintf("servers: [{name: shop, protocol: mysql, address: %q}]\nlisteners: [{name: shop, address: 127.0.0.1:0, mode: %s}]\n"+
			"alerts: {sinks: [{name: file, type: file, path: alerts.jsonl}]}\ndrain: {deadline: 2m, flush: 2m}\nrule_files: [own.yaml]\n", my.Addr(), mode))
		now := time.Now().UTC()
		s.withStore(func(st *Store) error {
			return st.Add(t.Context(), []token.Token{{
				ID: event.NewID(), Row: event.NewID(), Kind: "email", Value: honeyMail, Strength: token.Strong,
				Place:      event.Place{Server: "shop", Database: "shop", Table: "customers", Column: "email", Key: "4711"},
				Deployment: "test", PlantedBy: "dba@corp", PlantedAt: now, State: token.Live, ChangedAt: now,
			}})
		})
		s.start()
		for charset, want := range map[string]string{"utf8mb4": "ask the Küche ☎", "latin1": "ask the K?che ?"} {
			for name, query := range map[string]func(c *mysqlConn) error{
				"text":     func(c *mysqlConn) error { return c.query("select '" + honeyMail + "'") },
				"bound":    func(c *mysqlConn) error { return c.query("select ?", honeyMail) },
				"result":   func(c *mysqlConn) error { return c.query("select * from customers") },
				"binary":   func(c *mysqlConn) error { return c.query("select * from customers where id > ?", 0) },
				"prepared": func(c *mysqlConn) error { return c.query("select '"+honeyMail+"', ?", 1) },
				"large":    func(c *mysqlConn) error { return c.query("select '" + honeyMail + strings.Repeat("x", 2<<20) + "'") },
			} {
				t.Run(mode+", "+charset+", "+name, func(t *testing.T) {
					for range 8 {
						c := dialMySQL(t, s.app.Addrs()["shop"], charset)
						err := query(c)
						var me *mysqldriver.MySQLError
						if !errors.As(err, &me) || me.Number != 1142 || me.Message != "command denied: "+want {
							t.Fatalf("told: %v", err)
						}
						if err := c.query("select 1"); err == nil {
							t.Fatal("the session goes on")
						}
						c.close()
					}
				})
			}
		}
	}
}

// mysqlConn is one session of a MySQL client.
type mysqlConn struct {
	conn *sql.Conn
	db   *sql.DB
	ctx  context.Context
}

func dialMySQL(t *testing.T, addr, charset string) *mysqlConn {
	t.Helper()
	db, err := sql.Open("mysql", "app:pw@tcp("+addr+")/shop?maxAllowedPacket=0&charset="+charset)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		db.Close()
		t.Fatal(err)
	}
	return &mysqlConn{conn, db, t.Context()}
}

func (c *mysqlConn) query(q string, args ...any) error {
	rows, err := c.conn.QueryContext(c.ctx, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

func (c *mysqlConn) close() {
	c.conn.Close()
	c.db.Close()
}
