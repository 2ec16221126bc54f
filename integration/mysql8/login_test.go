package mysql8

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"honeyrow/event"
	"honeyrow/integration/judges"
	"honeyrow/integration/mystand"
	"honeyrow/proxy/tlsconf"
	"honeyrow/rules"
)

const (
	honeyMail = "agatha.falkenstein@ledger.decoy.example"
	password  = "s3cret, and longer than twenty bytes"
)

// loginPeer is go-mysql's server with one user per plugin, each with the same
// password, and a table with a honey row.
type loginPeer struct {
	addr string
	conf *server.Server
	users
	ln     net.Listener
	wait   sync.WaitGroup
	rounds map[string][]int // see directly
}

// users hands out credentials and counts the steps of authentications.
type users struct {
	*server.InMemoryAuthenticationHandler
	server.DefaultAuthenticationProvider
	mu    sync.Mutex
	steps int
	attrs map[string]string
}

// Authenticate implements server.AuthenticationProvider: the full exchange of
// caching_sha2_password takes two steps, the fast one a single one.
func (u *users) Authenticate(c *server.Conn, plugin string, data []byte) error {
	u.mu.Lock()
	u.steps++
	u.mu.Unlock()
	return u.DefaultAuthenticationProvider.Authenticate(c, plugin, data)
}

// OnAuthSuccess implements server.AuthenticationHandler.
func (u *users) OnAuthSuccess(c *server.Conn) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.attrs = c.Attributes()
	return nil
}

// take returns the steps since the last call, and the attributes of the last login.
func (u *users) take() (steps int, attrs map[string]string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	steps, u.steps = u.steps, 0
	return steps, u.attrs
}

// directly returns how many steps two logins in a row take directly: two for
// the full exchange, then one for the fast one, unless the driver does not
// manage that (PyMySQL and go-mysql after a switch). It asks once per driver.
func (p *loginPeer) directly(t *testing.T, d driver, s session) []int {
	t.Helper()
	key := fmt.Sprint(d.name, s.tls)
	if p.rounds[key] == nil {
		s.addr = p.addr
		for range 2 {
			if out := d.run(t, s); out != whole {
				t.Fatalf("directly:\n%s", out)
			}
			steps, _ := p.take()
			p.rounds[key] = append(p.rounds[key], steps)
		}
		if n := p.rounds[key]; n[0] != 2 || n[1] > 2 {
			t.Fatalf("directly %v steps of authentication, want 2 and 1", n)
		}
	}
	return p.rounds[key]
}

// forget empties the server's cache, as its restart would, so that the next
// login of caching_sha2_password takes the full exchange.
func (p *loginPeer) forget(user string) {
	p.conf.InvalidateCache(user, p.addr)
	p.take()
}

// The users' names tell their plugins.
const (
	userSHA2   = "sha2_user"
	userSHA256 = "sha256_user"
	userNative = "native_user"
)

// startLoginPeer serves until the test ends. preferred is the plugin that the
// greeting names: users of another are asked to switch.
func startLoginPeer(t *testing.T, pair *mystand.Pair, preferred string, withTLS bool) *loginPeer {
	t.Helper()
	p := &loginPeer{rounds: map[string][]int{}, users: users{InMemoryAuthenticationHandler: server.NewInMemoryAuthenticationHandler()}}
	for user, plugin := range map[string]string{
		userSHA2: mysql.AUTH_CACHING_SHA2_PASSWORD, userSHA256: mysql.AUTH_SHA256_PASSWORD, userNative: mysql.AUTH_NATIVE_PASSWORD,
	} {
		if err := p.AddUser(user, password, plugin); err != nil {
			t.Fatal(err)
		}
	}
	var conf *tls.Config
	var err error
	if withTLS {
		if conf, err = pair.ServerTLS(); err != nil {
			t.Fatal(err)
		}
	}
	p.conf = server.NewServerWithAuth("8.4.3", mysql.DEFAULT_COLLATION_ID, preferred, pair.Key, conf, &p.users)
	if p.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.addr = p.ln.Addr().String()
	p.wait.Go(p.accept)
	t.Cleanup(func() { p.ln.Close(); p.wait.Wait() })
	return p
}

func (p *loginPeer) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() {
			defer c.Close()
			defer func() { _ = recover() }() // it panics on an empty packet
			s, err := p.conf.NewCustomizedConn(c, &p.users, table{})
			if err != nil {
				return
			}
			for s.HandleCommand() == nil && !s.Closed() {
			}
		})
	}
}

// table answers the few statements that drivers and tests send.
type table struct{ server.EmptyHandler }

func (table) UseDB(string) error { return nil }

func (table) HandleQuery(q string) (*mysql.Result, error) { return answer(q, false) }

func (table) HandleStmtPrepare(q string) (params, columns int, ctx any, err error) {
	return strings.Count(q, "?"), 2, nil, nil
}

func (table) HandleStmtClose(any) error { return nil }

func (table) HandleStmtExecute(_ any, q string, _ []any) (*mysql.Result, error) {
	return answer(q, true)
}

func answer(q string, binary bool) (*mysql.Result, error) {
	var names []string
	var values [][]any
	switch {
	case strings.Contains(q, "from customers"):
		names, values = []string{"id", "email"}, [][]any{{int64(1), "c1@shop.example"}, {int64(7), honeyMail}}
	case strings.HasPrefix(strings.ToLower(q), "select"):
		names, values = []string{"1"}, [][]any{{int64(1)}}
	default:
		return mysql.NewResultReserveResultset(0), nil
	}
	r, err := mysql.BuildSimpleResultset(names, values, binary)
	if err != nil {
		return nil, err
	}
	return mysql.NewResult(r), nil
}

// honey is what a Front of these tests watches for.
func honey(action *event.Action) mystand.Options {
	o := mystand.Options{Tokens: tokens(), Filler: 1_000}
	if action != nil {
		o.Rules.Override = map[string]rules.Override{rules.RowRead: {Action: action}}
	}
	return o
}

func newFront(t *testing.T, o mystand.Options) *mystand.Front {
	t.Helper()
	f, err := mystand.NewFront(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		said, err := f.Detections(context.Background())
		if len(said) > 0 || err != nil {
			t.Errorf("nobody expected this: %v\n%s", err, judges.Lines(said))
		}
		f.Close()
		if b := f.Broken(); b != "" {
			t.Errorf("the proxy could not follow:\n%s", b)
		}
	})
	return f
}

func issue(t *testing.T) *mystand.Pair {
	t.Helper()
	p, err := mystand.Issue(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func listen(t *testing.T, f *mystand.Front, g mystand.Gate) string {
	t.Helper()
	addr, err := f.Listen(g)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// legs are where TLS is used.
type legs struct{ client, server bool }

func (l legs) String() string {
	return map[legs]string{
		{true, true}: "TLS on both legs", {true, false}: "TLS on the client's leg", {false, true}: "TLS on the server's leg", {}: "no TLS",
	}[l]
}

// gate is a listener whose server leg is l's; clients choose theirs.
func (l legs) gate(pair *mystand.Pair, address string) mystand.Gate {
	g := mystand.Gate{Name: l.String(), Address: address, Client: pair.Listener(tlsconf.Allow), Server: tlsconf.Server{Mode: tlsconf.Disable}}
	if l.server {
		g.Server = tlsconf.Server{Mode: tlsconf.VerifyFull, CAFile: pair.CAFile, ServerName: "localhost"}
	}
	return g
}

func TestEveryDriverLogsInWithEveryPluginAndTLSOnEachLegOrNone(t *testing.T) {
	pair := issue(t)
	ds := drivers(t)
	// Users of another plugin than the greeting's are asked to switch.
	for _, preferred := range []string{mysql.AUTH_CACHING_SHA2_PASSWORD, mysql.AUTH_NATIVE_PASSWORD} {
		peer := startLoginPeer(t, pair, preferred, true)
		for _, l := range []legs{{true, true}, {true, false}, {false, true}, {}} {
			f := newFront(t, honey(nil))
			addr := listen(t, f, l.gate(pair, peer.addr))
			for _, d := range ds {
				for _, user := range []string{userSHA2, userSHA256, userNative} {
					if d.program && preferred == mysql.AUTH_NATIVE_PASSWORD && user != userSHA2 {
						continue // programs are slow to start, and have switched in the other round
					}
					t.Run(fmt.Sprintf("%s, %s preferred, %s, %s", l, preferred, d.name, user), func(t *testing.T) {
						oneLogin(t, f, peer, d, session{addr, user, password, l.client, pair.CAFile, ""})
					})
				}
			}
		}
	}
}

// oneLogin logs in until the server has the password in its cache, reads the
// honey row and looks at the detection.
func oneLogin(t *testing.T, f *mystand.Front, peer *loginPeer, d driver, s session) {
	t.Helper()
	if !d.program || s.user == userSHA256 {
		wrong := s
		wrong.password = "wrong"
		if out := d.run(t, wrong); !strings.Contains(out, "login failed: 1045") {
			t.Errorf("a wrong password:\n%s", out)
		}
	}
	peer.forget(s.user)
	rounds := []int{1}
	if s.user == userSHA2 {
		rounds = peer.directly(t, d, s)
		peer.forget(s.user)
	}
	for _, want := range rounds {
		out := d.run(t, s)
		if out != whole {
			t.Fatalf("got\n%s\nwant\n%s", out, whole)
		}
		steps, attrs := peer.take()
		if s.user == userSHA2 && steps != want {
			t.Errorf("%d steps of authentication, want %d", steps, want)
		}
		ds, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantOne(t, ds, d, s.user, attrs)
	}
}

// wantOne checks that there is one detection, of the honey row, by this user.
func wantOne(t *testing.T, ds []event.Detection, by driver, user string, attrs map[string]string) {
	t.Helper()
	if len(ds) != 1 {
		t.Fatalf("%d detections, want 1: %+v", len(ds), ds)
	}
	d := ds[0]
	if d.Rule != rules.RowRead || d.Client.User != user || d.HoneyRows != 1 || !strings.Contains(d.Statement.Text, "from customers") {
		t.Errorf("detection %s of user %q, %d honey rows, statement %q", d.Rule, d.Client.User, d.HoneyRows, d.Statement.Text)
	}
	if got := d.Client.Attributes["_client_name"]; got != by.claims {
		t.Errorf("client %q, want %q", got, by.claims)
	}
	// This server forgets the attributes of clients that it asks to switch.
	for name, want := range attrs {
		if got := d.Client.Attributes[name]; got != want {
			t.Errorf("attribute %s: %q, the server saw %q", name, got, want)
		}
	}
	if len(attrs) > 0 && len(d.Client.Attributes) != len(attrs) {
		t.Errorf("attributes %v, the server saw %v", d.Client.Attributes, attrs)
	}
}

func TestRefusedResultsLeaveEveryDriversSessionUsable(t *testing.T) {
	pair := issue(t)
	peer := startLoginPeer(t, pair, mysql.AUTH_CACHING_SHA2_PASSWORD, true)
	block := event.Block
	f := newFront(t, honey(&block))
	l := legs{true, true}
	addr := listen(t, f, l.gate(pair, peer.addr))
	for _, d := range drivers(t) {
		t.Run(d.name, func(t *testing.T) {
			if out := d.run(t, session{addr, userNative, password, true, pair.CAFile, ""}); out != refused {
				t.Errorf("got\n%s\nwant\n%s", out, refused)
			}
			ds, err := f.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, attrs := peer.take()
			wantOne(t, ds, d, userNative, attrs)
			if ds[0].Action != event.Block {
				t.Errorf("action %s", ds[0].Action)
			}
		})
	}
}

// The one difference in go-mysql's own test suite: it is not the proxy's.
func TestGoMySQLCompressesThoughTheServerDoesNotOfferIt(t *testing.T) {
	peer := startLoginPeer(t, issue(t), mysql.AUTH_NATIVE_PASSWORD, false)
	c, err := client.Connect(peer.addr, userNative, password, "", func(c *client.Conn) error {
		return c.SetCapability(mysql.CLIENT_COMPRESS)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Execute("select 1"); err == nil || !strings.Contains(err.Error(), "zlib: invalid header") && !strings.Contains(err.Error(), "connection was bad") {
		t.Errorf("got %v: take TestConn_Compress from what integration/suites explains", err)
	}
}

func TestServersWithoutTLSAreToldOfInTheError(t *testing.T) {
	pair := issue(t)
	peer := startLoginPeer(t, pair, mysql.AUTH_CACHING_SHA2_PASSWORD, false)
	f := newFront(t, honey(nil))
	addr := listen(t, f, legs{false, true}.gate(pair, peer.addr))
	for _, d := range drivers(t)[:2] {
		out := d.run(t, session{addr, userSHA2, password, false, pair.CAFile, ""})
		if !strings.Contains(out, "login failed") || !strings.Contains(out, "TLS") {
			t.Errorf("%s: %s", d.name, out)
		}
	}
}
