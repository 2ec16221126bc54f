package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/proxy/tlsconf"
	"honeyrow/seeder/mydb"
)

// MySQL is the Protocol of servers that speak MySQL's.
const MySQL = "mysql"

const (
	// greetingMax bounds a packet before the login (servers' are below 1 KiB).
	greetingMax = 4 << 10
	// stranger is the account of the first conversation: none that exists, so
	// that no account's count of failed logins moves.
	stranger = "honeyrow_doctor"
	// loginRounds bounds the packets of the first conversation.
	loginRounds = 4
	unixSocket  = "mysqld.sock"
)

// The oldest servers that honeyrow is made for.
var oldest = map[string][2]int{"MySQL": {5, 7}, "MariaDB": {10, 6}}

// mysql checks that a MySQL or MariaDB server is reachable, its version and
// its TLS, and that it lets this machine begin a login.
func (x *exam) mysql(ctx context.Context, s *Server) {
	subject := "server " + s.Name
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	pr, err := askMySQL(ctx, s)
	if errors.Is(err, errNoGreeting) && mydb.Silent(err) && !s.ProxyProtocol {
		x.fail(subject, "reachable", "if it is Percona Server, whose proxy_protocol_networks has this machine: set servers proxy_protocol to true (the proxy then sends the header), or take this machine out of that list; else check servers address, and what answers there", "%s says nothing: Percona Server waits so for a PROXY header; the port may also be another service's, or the server too busy (%v)", s.Address, err)
		return
	}
	if err != nil {
		x.fail(subject, "reachable", "check servers address, the server itself (mysqladmin ping), skip_networking and firewalls between", "%s can't be reached: %v", s.Address, err)
		return
	}
	x.probes[s.Name] = pr
	if pr.code != 0 && pr.version == "" { // turned away in the greeting's place
		x.turnedAway(subject, s, pr)
		return
	}
	product, number, old := flavour(pr.version)
	x.ok(subject, "reachable", "%s answers within %s: %s %s", s.Address, pr.took.Round(100*time.Microsecond), product, number)
	if old {
		x.fail(subject, "version", "use MySQL 5.7, MariaDB 10.6 or later", "the server is %s %s, which honeyrow is not made for", product, number)
	}
	if pr.code == 0 || pr.state != nil || !myEncrypted(s, pr) {
		x.serverTLS(subject, s, pr)
	}
	x.turnedAway(subject, s, pr)
}

// flavour tells the product and the version from what a greeting says. MariaDB
// puts "5.5.5-" in front for old replicas.
func flavour(version string) (product, number string, old bool) {
	product = "MySQL"
	number = strings.TrimPrefix(version, "5.5.5-")
	if strings.Contains(strings.ToLower(number), "mariadb") {
		product = "MariaDB"
	}
	var v [2]int
	if n, _ := fmt.Sscanf(number, "%d.%d", &v[0], &v[1]); n == 2 {
		o := oldest[product]
		old = v[0] < o[0] || v[0] == o[0] && v[1] < o[1]
	}
	return product, number, old
}

// noProxyHeader tells that the server did not take the probe's PROXY header.
func (x *exam) noProxyHeader(subject string, pr *probe) {
	x.fail(subject, "proxy_protocol", "add this machine's address to proxy_protocol_networks at the server, or leave servers proxy_protocol out", "the server takes no PROXY header from this machine: %s (error %d)", pr.errText, pr.code)
}

// turnedAway tells how the server took a stranger from this machine. Error
// codes: MySQL's and MariaDB's error references.
func (x *exam) turnedAway(subject string, s *Server, pr *probe) {
	advice := "read the server's error log for the reason"
	switch pr.code {
	case 0:
		if pr.auth == "ok" {
			x.fail(subject, "auth", "drop the anonymous accounts: DROP USER ''@'%', ''@'localhost' (mariadb-secure-installation does it)", "the server lets anybody in without a name that it knows or a password")
		}
		return
	case mysql.ER_ACCESS_DENIED_ERROR, mysql.ER_ACCESS_DENIED_NO_PASSWORD_ERROR, mysql.ER_NOT_SUPPORTED_AUTH_MODE:
		x.ok(subject, "auth", "the server asks for a password and turns strangers away")
		return
	case mysql.ER_HOST_NOT_PRIVILEGED:
		if s.ProxyProtocol && strings.Contains(pr.errText, "header") { // "Proxy header is not accepted from ..."
			x.noProxyHeader(subject, pr)
			return
		}
		advice = "make accounts whose host admits this machine's address; or, on MariaDB and Percona Server, set servers proxy_protocol and the server's proxy_protocol_networks"
	case mysql.ER_HOST_IS_BLOCKED:
		advice = "run FLUSH HOSTS at the server (MySQL 8.0.23 and later: TRUNCATE TABLE performance_schema.host_cache), and find out who broke off so many logins"
	case mysql.ER_CON_COUNT_ERROR, mysql.ER_TOO_MANY_USER_CONNECTIONS:
		advice = "raise max_connections at the server, or lower limits.connections of the listener"
	case errNeedsTLS:
		advice = "set servers tls.mode to require, or to verify-full with ca_file"
	default:
		if s.ProxyProtocol {
			x.noProxyHeader(subject, pr)
			return
		}
	}
	x.fail(subject, "auth", advice, "the server turns this machine away: %s (error %d)", pr.errText, pr.code)
}

// fingerprint warns of MariaDB's way to check a certificate that nobody has
// signed: since 11.4 the server proves with the password that it knows its own
// certificate's fingerprint, which is not the one that the proxy shows.
func (x *exam) fingerprint(subject string, l *Listener, leaf *x509.Certificate) {
	pr := x.probes[l.Server]
	if pr == nil || pr.version == "" || leaf == nil || !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
		return
	}
	var v [2]int
	product, number, _ := flavour(pr.version)
	_, _ = fmt.Sscanf(number, "%d.%d", &v[0], &v[1])
	if product == "MariaDB" && (v[0] > 11 || v[0] == 11 && v[1] >= 4) {
		x.warn(subject, "certificate", "give the listener a certificate of an authority that clients know, or name it to them (--ssl-ca)",
			"nobody has signed the proxy's certificate: clients of MariaDB 11.4 and later, which check such a one with the password, will refuse it")
	}
}

// errNeedsTLS is ER_SECURE_TRANSPORT_REQUIRED.
const errNeedsTLS = 3159

// myTarget is split for addresses of MySQL, as proxy/mywire reads them: the
// port may be left out, a path may be that of the socket's folder.
func myTarget(addr string) (network, address string) {
	network, address = split(addr)
	if network == "unix" || strings.HasPrefix(addr, "/") {
		if st, err := os.Stat(address); err == nil && st.IsDir() {
			address = filepath.Join(address, unixSocket)
		}
		return "unix", address
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "3306")
	}
	return "tcp", address
}

// askMySQL connects as the proxy would and goes as far into a login as a
// stranger gets: a connection that is broken off before counts against this
// machine at the server (max_connect_errors). An error means that nobody
// answers, or no MySQL server.
func askMySQL(ctx context.Context, s *Server) (*probe, error) {
	begin := time.Now()
	network, addr := myTarget(s.Address)
	conn, err := dialTo(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	defer func() { conn.Close() }()
	if s.ProxyProtocol { // version 2, LOCAL: nobody's connection but this machine's
		if _, err := conn.Write([]byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")); err != nil {
			return nil, err
		}
	}
	_, b, err := readPacket(conn)
	if err != nil {
		return nil, fmt.Errorf("%w (is this the port of a MySQL server?): %w", errNoGreeting, err)
	}
	pr := &probe{offer: noTLS, mode: s.TLS.Mode}
	if network == "unix" {
		pr.mode = tlsconf.Disable
	}
	if err := pr.greeted(b); err != nil || pr.code != 0 {
		return pr, err
	}
	pr.took = time.Since(begin)
	err = pr.login(ctx, conn, network, addr, s.TLS)
	if s.ProxyProtocol && pr.code == 0 && (err != nil || pr.tlsErr != nil && pr.state == nil) {
		// The header comes after the greeting on its way: the server has had
		// no reason but it to end here.
		pr.code, pr.errText, pr.tlsErr = mysql.ER_HANDSHAKE_ERROR, "it ended the login", nil
		return pr, nil
	}
	return pr, err
}

// login sends a stranger's login, inside TLS if that is configured and offered.
func (pr *probe) login(ctx context.Context, conn net.Conn, network, addr string, conf tlsconf.Server) error {
	const caps = mysql.CLIENT_LONG_PASSWORD | mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_PLUGIN_AUTH
	head := func(caps uint32) []byte {
		b := binary.LittleEndian.AppendUint32(nil, caps)
		b = binary.LittleEndian.AppendUint32(b, greetingMax)
		return append(append(b, mysql.DEFAULT_COLLATION_ID), make([]byte, 23)...)
	}
	seq, flags := byte(1), uint32(caps)
	if pr.offer == hasTLS && pr.mode != tlsconf.Disable {
		flags |= mysql.CLIENT_SSL
		if err := writePacket(conn, seq, head(flags)); err != nil {
			return err
		}
		host, _, _ := net.SplitHostPort(addr)
		tc, err := conf.Load(host)
		if err != nil {
			pr.tlsErr = err
			return nil
		}
		verify := tc.VerifyConnection
		tc.VerifyConnection, tc.InsecureSkipVerify = nil, true // shown first, judged after
		first := &firstBytes{Conn: conn}
		c := tls.Client(first, tc)
		if err := c.HandshakeContext(ctx); err != nil {
			if !pr.refusedPlainly(first.read) {
				pr.tlsErr = err
			}
			return nil
		}
		st := c.ConnectionState()
		pr.state, conn = &st, c
		if verify != nil {
			pr.verifyErr = verify(st)
		}
		seq++
	} else if pr.mode != tlsconf.Disable && pr.mode != tlsconf.Prefer {
		return nil // the proxy would end here too
	}
	b := append(head(flags), stranger+"\x00\x00"...)
	if err := writePacket(conn, seq, append(append(b, pr.plugin...), 0)); err != nil {
		return fmt.Errorf("send a login: %w", err)
	}
	for range loginRounds {
		n, b, err := readPacket(conn)
		if err != nil {
			return fmt.Errorf("read the answer to a login: %w", err)
		}
		if pr.answered(b) {
			return nil
		}
		if err := writePacket(conn, n+1, nil); err != nil { // to a change of plugin: no password
			return fmt.Errorf("answer a change of the authentication plugin: %w", err)
		}
	}
	return nil
}

// firstBytes keeps the beginning of what is read from a connection.
type firstBytes struct {
	net.Conn
	read []byte
}

// Read implements net.Conn.
func (f *firstBytes) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	f.read = append(f.read, p[:min(n, greetingMax-len(f.read))]...)
	return n, err
}

// refusedPlainly takes an ERR packet in that came where TLS was expected.
func (pr *probe) refusedPlainly(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	return pr.refused(b[4:min(4+n, len(b))])
}

func writePacket(w io.Writer, seq byte, payload []byte) error {
	n := len(payload)
	_, err := w.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, payload...))
	return err
}

// readPacket reads a packet of at most greetingMax bytes.
func readPacket(r io.Reader) (seq byte, payload []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n == 0 || n > greetingMax {
		return 0, nil, errNotMySQL
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return head[3], payload, err
}

var errNoGreeting = errors.New("no greeting comes")

var errNotMySQL = errors.New("what answers is not a MySQL or MariaDB server: is this the right port?")

// greeted takes a HandshakeV10 packet in, or an ERR packet in its place (MySQL's
// client/server protocol, connection phase).
func (pr *probe) greeted(b []byte) error {
	if pr.refused(b) {
		return nil
	}
	i := bytes.IndexByte(b, 0)
	// version 10, server version, thread id, 8 bytes of salt, a filler, flags
	if len(b) == 0 || b[0] != 10 || i < 2 || len(b) < i+1+4+8+1+2 {
		return errNotMySQL
	}
	pr.version = string(b[1:i])
	rest := b[i+1+4+8+1:]
	if uint32(binary.LittleEndian.Uint16(rest))&mysql.CLIENT_SSL != 0 {
		pr.offer = hasTLS
	}
	// flags, charset, status, more flags, length of the salt, 10 bytes, more salt, plugin
	if len(rest) > 18 {
		if salt := max(13, int(rest[7])-8); len(rest) > 18+salt {
			name, _, _ := bytes.Cut(rest[18+salt:], []byte{0})
			pr.plugin = string(name)
		}
	}
	return nil
}

// answered takes a packet of the login in and reports whether it is the last.
func (pr *probe) answered(b []byte) bool {
	switch {
	case pr.refused(b):
		return true
	case b[0] == mysql.OK_HEADER:
		pr.auth = "ok"
		return true
	case b[0] == mysql.EOF_HEADER:
		name, _, _ := bytes.Cut(b[1:], []byte{0})
		pr.plugin = string(name)
		return false
	}
	return false
}

// refused takes an ERR packet in.
func (pr *probe) refused(b []byte) bool {
	if len(b) < 3 || b[0] != mysql.ERR_HEADER {
		return false
	}
	pr.code = binary.LittleEndian.Uint16(b[1:])
	text := b[3:]
	if len(text) >= 6 && text[0] == '#' {
		text = text[6:]
	}
	pr.auth, pr.errText = "error", string(text)
	return true
}
