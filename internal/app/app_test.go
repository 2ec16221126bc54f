package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
	"honeyrow/token"
)

// pg is the private server that the tests of this package share.
var pg *pgserver.Server

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	if len(os.Args) > 1 && os.Args[1] == childArg {
		os.Exit(child(os.Args[2]))
	}
	var err error
	if pg, err = pgserver.Start(context.Background(), pgserver.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	pg.Stop()
	myserver.Cleanup()
	os.Exit(code)
}

const honeyMail = "petra.lindqvist@decoy.example.net"

// site is one installation in a temporary folder.
type site struct {
	t    *testing.T
	dir  string
	file string // the configuration
	logs *syncBuffer
	app  *App
	end  context.CancelFunc
	done chan error
}

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func configText(extra string) string {
	return fmt.Sprintf(`
servers:
  - name: crm
    address: %s
listeners:
  - name: crm
    address: 127.0.0.1:0
alerts:
  sinks:
    - {name: file, type: file, path: alerts.jsonl}
drain: {deadline: 2m, flush: 2m}
%s`, pg.Addr(), extra)
}

// newSite makes a database table, a configuration and a registry.
func newSite(t *testing.T, extra string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, file: filepath.Join(dir, "honeyrow.yaml"), logs: &syncBuffer{}}
	s.configure(configText(extra))
	if err := MakeRegistry(context.Background(), s.config()); err != nil {
		t.Fatal(err)
	}
	if err := pg.Exec(context.Background(), "postgres", `drop table if exists customers cascade;
		create table customers (id int primary key, name text, email text);
		insert into customers select i, 'name '||i, 'user'||i||'@corp.example' from generate_series(1, 100) i;
		insert into customers values (4711, 'Petra Lindqvist', '`+honeyMail+`')`); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) configure(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) config() *Config {
	s.t.Helper()
	c, err := LoadConfig(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// withStore lets f use the registry as another process would.
func (s *site) withStore(f func(*Store) error) {
	s.t.Helper()
	st, _, err := OpenStore(context.Background(), s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := errors.Join(f(st), st.Close()); err != nil {
		s.t.Fatal(err)
	}
}

// plant registers the honey row's mail and key.
func (s *site) plant() {
	s.t.Helper()
	row, now := event.NewID(), time.Now().UTC()
	place := event.Place{Server: "crm", Database: "postgres", Schema: "public", Table: "customers", Column: "email", Key: "4711"}
	mail := token.Token{
		ID: event.NewID(), Row: row, Kind: "email", Value: honeyMail, Strength: token.Strong, Place: place,
		Deployment: "test", PlantedBy: "dba@corp", PlantedAt: now, State: token.Live, ChangedAt: now,
	}
	key := mail
	key.ID, key.Kind, key.Value, key.Strength, key.Key, key.Place.Column = event.NewID(), "key", "4711", token.Weak, true, "id"
	key.Binary = []byte{0, 0, 0x12, 0x67}
	s.withStore(func(st *Store) error { return st.Add(context.Background(), []token.Token{mail, key}) })
}

// start runs the proxy until the test ends.
func (s *site) start() {
	s.t.Helper()
	ctx, end := context.WithCancel(context.Background())
	a, err := New(context.Background(), s.config(), Options{
		Log: zerolog.New(s.logs), Stdout: io.Discard, Load: func() (*Config, error) { return LoadConfig(s.file) }, Stop: end,
	})
	if err != nil {
		end()
		s.t.Fatal(err)
	}
	done, ready := make(chan error, 1), make(chan struct{})
	s.app, s.end, s.done = a, end, done
	go func() { done <- a.Run(ctx, func() { close(ready) }) }() // ends with stop
	<-ready
	s.t.Cleanup(func() {
		if err := s.stop(); err != nil {
			s.t.Errorf("the proxy ended with %v", err)
		}
		if s.t.Failed() {
			s.t.Logf("log:\n%s", s.logs)
		}
	})
}

// stop drains the proxy once.
func (s *site) stop() error {
	s.end()
	if s.done == nil {
		return nil
	}
	done := s.done
	s.done = nil
	return <-done
}

// connect opens a session through the proxy, in libpq's way of simple queries
// if simple.
func (s *site) connect(listener string, simple bool) *pgx.Conn {
	s.t.Helper()
	return connect(s.t, s.app.Addrs()[listener], simple)
}

func connect(t *testing.T, addr string, simple bool) *pgx.Conn {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	c, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=postgres dbname=postgres sslmode=disable application_name=test", host, port))
	if err != nil {
		t.Fatal(err)
	}
	if simple {
		c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	}
	conn, err := pgx.ConnectConfig(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// detections returns what stands in the alert file, newest revisions only.
func (s *site) detections() map[event.ID]event.Detection {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, "alerts.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	m := map[event.ID]event.Detection{}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var d event.Detection
		if err := json.Unmarshal(sc.Bytes(), &d); err != nil {
			continue // a line that is being written
		}
		if d.Revision >= m[d.ID].Revision {
			m[d.ID] = d
		}
	}
	return m
}

// await polls until ok, for what happens in other goroutines and processes: for as
// long as within, and on a busy machine for two minutes at least.
func await(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	within = max(within, 2*time.Minute)
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// awaitDetection waits for n finished detections and returns them.
func (s *site) awaitDetections(n int) []event.Detection {
	s.t.Helper()
	var out []event.Detection
	await(s.t, 10*time.Second, fmt.Sprintf("%d finished detections in the alert file", n), func() bool {
		out = nil
		for _, d := range s.detections() {
			if d.Run.Done {
				out = append(out, d)
			}
		}
		return len(out) >= n
	})
	return out
}

func count(t *testing.T, c *pgx.Conn, sql string) int {
	t.Helper()
	rows, err := c.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAReadHoneyRowIsInTheAlertFileWithItsClient(t *testing.T) {
	s := newSite(t, "")
	s.plant()
	s.start()
	c := s.connect("crm", false)
	if n := count(t, c, "select * from customers where id <= 100"); n != 100 {
		t.Fatalf("%d rows, want 100", n)
	}
	if n := count(t, c, "select * from customers"); n != 101 {
		t.Fatalf("%d rows, want 101", n)
	}
	ds := s.awaitDetections(1)
	if len(ds) != 1 {
		t.Fatalf("%d detections, want 1: reading ordinary rows is none", len(ds))
	}
	d := ds[0]
	if d.Rule != "honey-row-read" || d.Client.User != "postgres" || d.Client.Application != "test" || d.Client.Listener != "crm" ||
		d.Statement.Text != "select * from customers" || d.HoneyRows != 1 || d.Run.Rows != 101 {
		t.Errorf("detection %+v", d)
	}
	if len(d.Hits) == 0 || d.Hits[0].Place.Key != "4711" || !strings.Contains(d.Hits[0].Story, "dba@corp") {
		t.Errorf("hits %+v", d.Hits)
	}
}

func TestARegistryChangeReachesARunningProxyWithinASecond(t *testing.T) {
	s := newSite(t, "")
	s.start()
	before := s.app.Engine().Version()
	s.plant()
	await(t, time.Second, "the proxy watches the new tokens", func() bool { return s.app.Engine().Stats().Tokens == 2 })
	await(t, time.Second, "the registry knows that the proxy watches the new version, for which seeders wait", func() (told bool) {
		s.withStore(func(st *Store) error {
			ws, err := st.Watchers(context.Background())
			told = len(ws) == 1 && ws[0].Version > before && ws[0].Servers[0] == "crm"
			return err
		})
		return told
	})
	c := s.connect("crm", true)
	count(t, c, "select upper('x'), email from customers where id = 4711")
	s.awaitDetections(1)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.withStore(func(st *Store) error {
		ws, err := st.Watchers(context.Background())
		if len(ws) != 0 {
			t.Errorf("the ended proxy is still known: %+v", ws)
		}
		return err
	})
}

func TestAReloadKeepsSessionsAndChangesWhatRulesDo(t *testing.T) {
	s := newSite(t, "")
	s.plant()
	s.start()
	ctx := context.Background()
	c := s.connect("crm", true)
	if _, err := c.Exec(ctx, "begin"); err != nil {
		t.Fatal(err)
	}
	pid := c.PgConn().PID()

	s.configure(strings.Replace(configText("rules: {honey-row-read: {action: block}}"), "limits:", "", 1))
	if err := s.app.Reload(ctx, s.config()); err != nil {
		t.Fatal(err)
	}
	var got uint32
	if err := c.QueryRow(ctx, "select pg_backend_pid()").Scan(&got); err != nil || got != pid {
		t.Fatalf("backend %d, %v; want the session %d to go on", got, err, pid)
	}
	_, err := c.Exec(ctx, "select * from customers where id = 4711")
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "42501" {
		t.Errorf("error %v, want 42501 from the rule that blocks now", err)
	}
	if d := s.awaitDetections(1)[0]; d.Action != event.Block {
		t.Errorf("action %s, want block", d.Action)
	}

	s.configure(strings.Replace(configText(""), "type: file", "type: pigeon", 1))
	if _, err := LoadConfig(s.file); err == nil || !strings.Contains(err.Error(), ":10: alerts.sinks[0]") {
		t.Errorf("a bad configuration gives %v", err)
	}
	s.configure(strings.Replace(configText(""), "alerts.jsonl", "/proc/nowhere/alerts.jsonl", 1))
	if err := s.app.Reload(ctx, s.config()); err == nil {
		t.Error("a sink that can't be opened was taken over")
	}
	if _, err := c.Exec(ctx, "rollback"); err != nil {
		t.Errorf("the session after a refused reload: %v", err)
	}
	if _, err := c.Exec(ctx, "select * from customers where id = 4711"); err == nil {
		t.Error("a refused reload changed the rules")
	}
}

func TestAnAddressInUseIsAllThatIsToldAndWithWhatToDo(t *testing.T) {
	s := newSite(t, "")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.configure(strings.Replace(configText(""), "    address: 127.0.0.1:0", "    address: "+taken.Addr().String(), 1))
	_, err = New(t.Context(), s.config(), Options{Log: zerolog.New(s.logs), Stdout: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "choose another address") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one error that says what to do", err)
	}
}

func TestSeedingThroughTheProxyIsWarnedOf(t *testing.T) {
	s := newSite(t, "")
	s.start()
	at := s.app.Addrs()["crm"]
	s.configure(strings.Replace(configText(""), "    address: 127.0.0.1:0", "    address: "+at, 1))
	for to, want := range map[string]int{at: 1, pg.Addr(): 0} {
		dsn := filepath.Join(s.dir, "seed.dsn")
		if err := os.WriteFile(dsn, []byte("postgres://postgres@"+strings.Replace(to, "127.0.0.1", "localhost", 1)+"/postgres"), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := OpenSeeding(t.Context(), s.config(), "crm", dsn)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(strings.Join(g.Warnings, "\n"), "leads through the proxy"); n != want {
			t.Errorf("connected to %s: warnings %q, want %d of the proxy", to, g.Warnings, want)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReloadOpensAndClosesListeners(t *testing.T) {
	s := newSite(t, "")
	s.start()
	ctx := context.Background()
	old := s.connect("crm", true)
	s.configure(strings.Replace(configText(""), "  - name: crm\n    address: 127.0.0.1:0", "  - name: second\n    address: 127.0.0.1:0", 1))
	if err := s.app.Reload(ctx, s.config()); err != nil {
		t.Fatal(err)
	}
	c := s.connect("second", true)
	if n := count(t, c, "select 1"); n != 1 {
		t.Errorf("%d rows through the new listener", n)
	}
	// The old listener is drained: its idle session is told so and ends.
	await(t, 5*time.Second, "the session of the closed listener ends", func() bool {
		_, err := old.Exec(ctx, "select 1")
		return err != nil
	})
}

func TestADrainLetsATransactionFinish(t *testing.T) {
	s := newSite(t, "")
	s.start()
	ctx := context.Background()
	c := s.connect("crm", true)
	if _, err := c.Exec(ctx, "begin; insert into customers values (5000, 'x', 'y')"); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	addr := s.app.Addrs()["crm"]
	go func() { stopped <- s.stop() }() // ends with the drain
	await(t, 5*time.Second, "new connections are refused", func() bool {
		conn, err := pgconn.Connect(ctx, "postgres://postgres@"+addr+"/postgres?sslmode=disable&connect_timeout=1")
		if err == nil {
			conn.Close(ctx)
		}
		return err != nil
	})
	if _, err := c.Exec(ctx, "commit"); err != nil {
		t.Errorf("commit while draining: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("drain: %v", err)
	}
	if got, err := pg.Query(ctx, "postgres", "select count(*) from customers where id = 5000"); err != nil || strings.TrimSpace(got) != "1" {
		t.Errorf("committed rows %q, %v", got, err)
	}
}

func TestARecreatedTableIsFoundAgainByItsCatalogue(t *testing.T) {
	s := newSite(t, "")
	if err := os.WriteFile(filepath.Join(s.dir, "catalog.dsn"), []byte(pg.DSN("postgres", "postgres")), 0o600); err != nil {
		t.Fatal(err)
	}
	s.configure(strings.Replace(configText(""), "    address: "+pg.Addr(), "    address: "+pg.Addr()+"\n    catalog: {dsn_file: catalog.dsn}", 1))
	s.start()
	s.plant() // the change of the registry starts a look-up
	located := func(oid string) func() bool {
		return func() bool {
			found := 0
			s.withStore(func(st *Store) error {
				snap, err := st.Snapshot(context.Background())
				if err != nil {
					return err
				}
				for _, l := range snap.Locations {
					if fmt.Sprint(l.TableOID) == oid {
						found++
					}
				}
				return nil
			})
			return found == 2
		}
	}
	oid, err := pg.Query(context.Background(), "postgres", "select 'customers'::regclass::oid")
	if err != nil {
		t.Fatal(err)
	}
	await(t, 5*time.Second, "the planted columns have their numbers", located(strings.TrimSpace(oid)))
	// The key alone, an integer, is found by its column.
	c := s.connect("crm", false)
	await(t, 5*time.Second, "the key alone is detected", func() bool {
		count(t, c, "select id from customers")
		return len(s.detections()) > 0
	})
}
