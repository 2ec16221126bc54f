package doctor

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// direct is one group of sessions that do not come through the proxy.
type direct struct {
	user, database, from, application string
	n                                 int
}

// sessions looks in pg_stat_activity for clients that go around the proxy:
// those whose address is not this machine's, and those of this machine whose
// socket is not the running proxy's.
func (x *exam) sessions(ctx context.Context, conn *pgx.Conn, s *Server) error {
	subject := "bypass " + s.Name
	var sees bool
	if err := conn.QueryRow(ctx, `select pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')`).Scan(&sees); err != nil {
		return fmt.Errorf("read the role's rights on statistics: %w", err)
	}
	if !sees {
		x.warn(subject, "sessions", "grant pg_read_all_stats to the seeding role, at least while the doctor runs", "the seeding role can't see other sessions' addresses, so it is unknown whether anybody goes around the proxy")
		return nil
	}
	local, err := localAddresses()
	if err != nil {
		return err
	}
	owned, owners := x.proxySockets()
	rows, err := conn.Query(ctx, `select coalesce(usename, ''), coalesce(datname, ''), host(client_addr), coalesce(client_port, -1), coalesce(application_name, '')
		from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`)
	if err != nil {
		return fmt.Errorf("read pg_stat_activity: %w", err)
	}
	groups := map[direct]int{}
	var user, database, application string
	var addr *string
	var port int
	_, err = pgx.ForEachRow(rows, []any{&user, &database, &addr, &port, &application}, func() error {
		d := direct{user: user, database: database, application: application}
		switch {
		case application == "honeyrow doctor":
			return nil
		case addr == nil:
			if network, _ := split(s.Address); network == "unix" {
				return nil // the proxy itself comes by this way; the server can't tell them apart
			}
			d.from = "the server's unix socket"
		case local[*addr]:
			if owners == 0 || owned[port] {
				return nil
			}
			d.from = "this machine"
		default:
			d.from = *addr
		}
		groups[d]++
		return nil
	})
	if err != nil {
		return fmt.Errorf("read pg_stat_activity: %w", err)
	}
	x.reportDirect(subject, groups, "point it at the proxy, then close the direct way (pg_hba.conf, firewall)", "pg_stat_activity")
	return nil
}

// reportDirect tells of the sessions that do not come through the proxy; all
// is where the whole list stands.
func (x *exam) reportDirect(subject string, groups map[direct]int, advice, all string) {
	if len(groups) == 0 {
		x.ok(subject, "sessions", "nobody is connected around the proxy at this moment")
		return
	}
	var ds []direct
	for d, n := range groups {
		d.n = n
		ds = append(ds, d)
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i].n > ds[j].n || ds[i].n == ds[j].n && ds[i].from < ds[j].from })
	for i, d := range ds {
		if i == 10 {
			x.warn(subject, "sessions", "see "+all, "%d more groups of direct sessions", len(ds)-i)
			return
		}
		x.warn(subject, "sessions", advice,
			"%d session(s) of %q in database %q come from %s around the proxy (application %q): what they read is not seen", d.n, d.user, d.database, d.from, d.application)
	}
}

// openings reports whether the server's configuration leaves the direct way open.
func (x *exam) openings(ctx context.Context, conn *pgx.Conn, s *Server) error {
	subject := "bypass " + s.Name
	var listen string
	if err := conn.QueryRow(ctx, "select current_setting('listen_addresses')").Scan(&listen); err != nil {
		return fmt.Errorf("read listen_addresses: %w", err)
	}
	open := false
	for _, a := range strings.Split(listen, ",") {
		if a = strings.TrimSpace(a); a != "" && !loopback(net.JoinHostPort(a, "0")) {
			open = true
		}
	}
	if !open {
		x.ok(subject, "listen_addresses", "the server listens on %q only", listen)
		return nil
	}
	if loopback(s.Address) {
		x.warn(subject, "listen_addresses", "set listen_addresses = 'localhost' at the server: the proxy needs no more", "the server listens on %q, so clients can reach it around the proxy", listen)
	}
	return x.hba(ctx, conn, subject)
}

// hba lists the rules of pg_hba.conf that let others than this machine in.
func (x *exam) hba(ctx context.Context, conn *pgx.Conn, subject string) error {
	rows, err := conn.Query(ctx, `select line_number, type, coalesce(array_to_string(database, ','), ''), coalesce(array_to_string(user_name, ','), ''),
		coalesce(address, ''), coalesce(netmask, ''), auth_method
		from pg_hba_file_rules where error is null and type like 'host%' and auth_method <> 'reject' order by line_number`)
	var rules []string
	if err == nil {
		var line int
		var typ, database, user, addr, mask, method string
		_, err = pgx.ForEachRow(rows, []any{&line, &typ, &database, &user, &addr, &mask, &method}, func() error {
			if !hbaLocal(addr, mask) {
				rules = append(rules, fmt.Sprintf("line %d (%s %s %s %s %s)", line, typ, database, user, addr, method))
			}
			return nil
		})
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "42501" { // insufficient_privilege
		x.warn(subject, "pg_hba", "let the server's administrator see that pg_hba.conf admits nobody but the proxy", "the server can be reached over the network, and the seeding role may not read pg_hba_file_rules")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read pg_hba_file_rules: %w", err)
	}
	if len(rules) == 0 {
		x.ok(subject, "pg_hba", "pg_hba.conf admits no other machine than this one")
		return nil
	}
	more := ""
	if len(rules) > 5 {
		more = fmt.Sprintf(" and %d more", len(rules)-5)
		rules = rules[:5]
	}
	x.warn(subject, "pg_hba", "narrow them to the proxy's address", "pg_hba.conf lets clients in around the proxy: %s%s", strings.Join(rules, "; "), more)
	return nil
}

// hbaLocal reports whether an address of pg_hba.conf covers this machine alone.
func hbaLocal(addr, mask string) bool {
	if addr == "samehost" || addr == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return false // all, samenet, names
	}
	if ip.IsLoopback() {
		return true
	}
	local, err := localAddresses()
	if err != nil || !local[ip.String()] {
		return false
	}
	m := net.ParseIP(mask)
	if m == nil {
		return false
	}
	if v4 := m.To4(); v4 != nil && ip.Is4() {
		m = v4
	}
	ones, bits := net.IPMask(m).Size()
	return ones == bits && bits > 0
}

// localAddresses returns this machine's addresses as text.
func localAddresses() (map[string]bool, error) {
	as, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list this machine's addresses: %w", err)
	}
	local := map[string]bool{"127.0.0.1": true, "::1": true}
	for _, a := range as {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			local[p.Addr().Unmap().String()] = true
		}
	}
	return local, nil
}

// proxySockets returns the local TCP ports held by this machine's running
// proxies before server, and how many proxies could be looked at. Without one
// (none runs, or it belongs to another user) sessions of this machine can't be
// told apart.
func (x *exam) proxySockets() (ports map[int]bool, owners int) {
	ports = map[int]bool{}
	host, _ := os.Hostname()
	for _, w := range x.watchers {
		if w.Host != host {
			continue
		}
		inodes, err := socketInodes(w.PID)
		if err != nil {
			continue
		}
		owners++
		for _, name := range []string{"tcp", "tcp6"} {
			portsOf(filepath.Join("/proc", strconv.Itoa(w.PID), "net", name), inodes, ports)
		}
	}
	return ports, owners
}

// socketInodes returns the inodes of a process's sockets (proc(5), /proc/pid/fd).
func socketInodes(pid int) (map[string]bool, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	es, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	inodes := map[string]bool{}
	for _, e := range es {
		link, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // closed in between
		}
		if n, ok := strings.CutPrefix(link, "socket:["); ok {
			inodes[strings.TrimSuffix(n, "]")] = true
		}
	}
	return inodes, nil
}

// portsOf adds the local ports of the sockets in a table such as
// /proc/net/tcp whose inode is among inodes.
func portsOf(table string, inodes map[string]bool, ports map[int]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		fs := strings.Fields(sc.Text())
		if len(fs) < 10 || !inodes[fs[9]] {
			continue
		}
		_, hexPort, _ := strings.Cut(fs[1], ":")
		b, err := hex.DecodeString(hexPort)
		if err == nil && len(b) == 2 {
			ports[int(b[0])<<8|int(b[1])] = true
		}
	}
}
