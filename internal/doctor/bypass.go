package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sessions looks in pg_stat_activity for clients that go around the proxy.
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
	groups, o, err := x.around(ctx, s.Name, func() ([]seat, error) { return pgSeats(ctx, conn, s, local) })
	if err != nil {
		return fmt.Errorf("read pg_stat_activity: %w", err)
	}
	x.reportDirect(subject, groups, o, "point it at the proxy, then close the direct way (pg_hba.conf, firewall)", "pg_stat_activity")
	return nil
}

// pgSeats lists the sessions of others.
func pgSeats(ctx context.Context, conn *pgx.Conn, to *Server, local map[string]bool) (out []seat, err error) {
	rows, err := conn.Query(ctx, `select pid, coalesce(backend_start::text, ''), coalesce(usename, ''), coalesce(datname, ''), host(client_addr), coalesce(client_port, -1), coalesce(application_name, '')
		from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name is distinct from 'honeyrow doctor'`)
	if err != nil {
		return nil, err
	}
	var s seat
	var addr *string
	var port int
	_, err = pgx.ForEachRow(rows, []any{&s.id, &s.began, &s.user, &s.database, &addr, &port, &s.application}, func() error {
		s.port = 0
		switch {
		case addr == nil:
			s.origin, s.from = bySocket(to.Address), "the server's unix socket"
		case local[*addr]:
			s.origin, s.from, s.port = thisMachine, "this machine", port
		default:
			s.origin, s.from = elsewhere, *addr
		}
		out = append(out, s)
		return nil
	})
	return out, err
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
