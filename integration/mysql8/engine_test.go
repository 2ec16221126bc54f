package mysql8

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"honeyrow/event"
	"honeyrow/integration/judges"
	"honeyrow/integration/mystand"
	"honeyrow/proxy/mywire"
	"honeyrow/rules"
)

// engineProgram builds the program in engine, once.
var engineProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "honeyrow-engine-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "engine")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir = "engine"
	if out, err := build.CombinedOutput(); err != nil {
		return bin, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

// startEngine starts the program in engine, until the test ends.
func startEngine(t *testing.T, pair *mystand.Pair) string {
	t.Helper()
	bin, err := engineProgram()
	tools.remove = append(tools.remove, filepath.Dir(bin))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, pair.CertFile, pair.KeyFile, password,
		"create table customers (id int primary key, email varchar(80), born date, salary decimal(10,2))",
		"insert into customers values (1, 'c1@shop.example', '1980-01-31', 1234.50), (7, '"+honeyMail+"', null, -0.01)",
		"create table orders (id int primary key, customer int)", "insert into orders values (1, 1), (2, 7)",
	)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // it ends with its input
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the engine did not tell its address: %v", err)
	}
	return strings.TrimSpace(addr)
}

func TestDriversSeeTheSameOfAnSQLEngineDirectlyAndThroughTheProxy(t *testing.T) {
	pair := issue(t)
	address := startEngine(t, pair)
	block := event.Block
	watching, refusing := newFront(t, honey(nil)), newFront(t, honey(&block))
	both := legs{true, true}
	open, closed := listen(t, watching, both.gate(pair, address)), listen(t, refusing, both.gate(pair, address))
	held := both.gate(pair, address)
	held.Config = func(c *mywire.Config) { c.Protect = true }
	openHeld, closedHeld := listen(t, watching, held), listen(t, refusing, held)
	for _, d := range drivers(t) {
		for _, user := range []string{"app", "old"} { // caching_sha2_password and mysql_native_password
			t.Run(d.name+", "+user, func(t *testing.T) {
				s := session{address, user, password, true, pair.CAFile, "crm"}
				if out := d.run(t, s); out != whole {
					t.Fatalf("directly:\n%s", out)
				}
				for _, through := range []struct {
					what, addr, want string
					by               *mystand.Front
				}{
					{"the proxy", open, whole, watching},
					{"the proxy in protect mode", openHeld, whole, watching},
					{"the proxy with rule honey-row-read set to block", closed, refused, refusing},
					{"the proxy in protect mode with that rule", closedHeld, refused, refusing},
				} {
					s.addr = through.addr
					if out := d.run(t, s); out != through.want {
						t.Errorf("through %s:\n%s", through.what, out)
					}
					ds, err := through.by.Take(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					wantOne(t, ds, d, user, nil)
				}
			})
		}
	}
}

// This server refuses the full exchange of caching_sha2_password on a leg
// without TLS, and through the proxy it is the server's leg that counts.
func TestLoginsThatTheServersLegDecides(t *testing.T) {
	pair := issue(t)
	address := startEngine(t, pair)
	f := newFront(t, honey(nil))
	for _, l := range []legs{{true, true}, {true, false}, {false, true}, {}} {
		addr := listen(t, f, l.gate(pair, address))
		for _, d := range drivers(t)[:3] {
			out := d.run(t, session{addr, "app", password, l.client, pair.CAFile, "crm"})
			if ok := out == whole; ok != l.server {
				t.Errorf("%s, %s: %s", l, d.name, out)
			}
		}
	}
	wantReads(t, f, 6) // three drivers over the two legs that let them in
}

// wantReads expects so many detections that the honey row was read, and no other.
func wantReads(t *testing.T, f *mystand.Front, n int) {
	t.Helper()
	said, err := f.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range said {
		if d.Rule != rules.RowRead {
			t.Errorf("nobody expected this: %s", judges.Line(d))
		}
	}
	if len(said) != n {
		t.Errorf("%d detections, want %d", len(said), n)
	}
}

func TestStatementsOfAnSQLEngineAnswerTheSame(t *testing.T) {
	pair := issue(t)
	address := startEngine(t, pair)
	f := newFront(t, honey(nil))
	both := legs{true, true}
	addr := listen(t, f, both.gate(pair, address))
	for _, prepared := range []bool{false, true} {
		direct := openGo(t, session{address, "app", password, true, pair.CAFile, "crm"}, prepared)
		proxied := openGo(t, session{addr, "app", password, true, pair.CAFile, "crm"}, prepared)
		for _, q := range []struct {
			sql  string
			args []any
			hits int
		}{
			{"select id, salary from customers where id < ? order by id", []any{5}, 0},
			{"select count(*), min(born) from customers where id > ?", []any{0}, 0},
			{"select c.id, o.id from customers c join orders o on o.customer = c.id where c.id < ?", []any{2}, 0},
			{"select nosuch from customers", nil, 0},
			{"selec", nil, 0},
			{"select concat('<', email, '>') from customers where id = ?", []any{7}, 1},
			{"select email from customers where id > ? union select 'x'", []any{5}, 1},
			{"select json_object('mail', email) from customers where id = ?", []any{7}, 1},
			{"insert into orders values (?, ?)", []any{3, 1}, 0},
		} {
			if strings.HasPrefix(q.sql, "insert") {
				if _, err := proxied.ExecContext(t.Context(), q.sql, q.args...); err != nil {
					t.Error(err)
				}
				if _, err := proxied.ExecContext(t.Context(), "delete from orders where id = 3"); err != nil {
					t.Error(err)
				}
				continue
			}
			want := goRows(t, direct, q.sql, q.args)
			if got := goRows(t, proxied, q.sql, q.args); got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", q.sql, got, want)
			}
			said, err := f.Detections(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(said) != q.hits {
				t.Errorf("%s: %d detections, want %d\n%s", q.sql, len(said), q.hits, judges.Lines(said))
			}
		}
		direct.Close()
		proxied.Close()
	}
}
