package doctor

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"honeyrow/proxy/tlsconf"
)

// mySettings reports the server's settings that decide what can pass through
// the proxy, or what is left of honey values elsewhere.
func (x *exam) mySettings(_ context.Context, v *mySeen) error {
	subject := "settings " + v.s.Name
	tls := myEncrypted(v.s, x.probes[v.s.Name])
	network, _ := myTarget(v.s.Address)
	switch {
	case v.on("require_secure_transport") && !tls && network != "unix":
		x.fail(subject, "require_secure_transport", "set servers tls.mode to require, or to verify-full with ca_file", "the server refuses connections without TLS (require_secure_transport), and the proxy would come without (tls.mode %s)", v.s.TLS.Mode)
	case v.on("require_secure_transport"):
		x.ok(subject, "require_secure_transport", "the server insists on TLS, which the proxy speaks with it")
	}
	x.myProxyProtocol(subject, v)
	if u := v.settings["redirect_url"]; u != "" {
		x.warn(subject, "redirect_url", "SET GLOBAL redirect_url = '' at the server: the proxy takes it out of its sessions, but whoever once connects directly is led elsewhere", "the server tells clients to connect to another address (redirect_url)")
	}
	if a := strings.ToLower(v.settings["protocol_compression_algorithms"]); a != "" && !strings.Contains(a, "uncompressed") {
		x.fail(subject, "compression", "add uncompressed to protocol_compression_algorithms at the server", "the server accepts compressed sessions only (%s), which can't be inspected: the proxy takes compression out of the handshake", a)
	}
	slow := v.on("slow_query_log") && strings.HasPrefix(v.settings["long_query_time"], "0.0000")
	switch {
	case v.on("general_log"):
		x.warn(subject, "log", "SET GLOBAL general_log = 0 while rows are planted, or keep the log as you keep the registry", "the server logs all statements (general_log): its log will hold the honey values")
	case slow:
		x.warn(subject, "log", "raise long_query_time while rows are planted, or keep the log as you keep the registry", "the server logs all statements (long_query_time = 0): its slow query log will hold the honey values")
	}
	return nil
}

// myEncrypted reports whether the proxy's leg to the server has TLS.
func myEncrypted(s *Server, pr *probe) bool {
	network, _ := myTarget(s.Address)
	return network == "tcp" && s.TLS.Mode != tlsconf.Disable && pr != nil && pr.offer == hasTLS
}

func (x *exam) myProxyProtocol(subject string, v *mySeen) {
	nets, known := v.settings["proxy_protocol_networks"]
	switch {
	case !v.s.ProxyProtocol && known && nets != "" && nets != "*":
		x.warn(subject, "proxy_protocol", "set servers proxy_protocol to true, or take this machine out of proxy_protocol_networks", "the server believes PROXY headers of %s: the proxy sends none, so accounts bound to a client's host don't match, and others there may claim any address", nets)
	case !v.s.ProxyProtocol && nets == "*":
		x.warn(subject, "proxy_protocol", "name the proxy's address alone in proxy_protocol_networks", "the server believes PROXY headers of everybody: whoever reaches it can claim any address")
	case !v.s.ProxyProtocol:
	case !known:
		x.fail(subject, "proxy_protocol", "leave servers proxy_protocol out, and make accounts whose host admits the proxy's address", "the server (%s) does not know the PROXY protocol, but servers proxy_protocol is set: no session would come about", v.product)
	case nets == "":
		x.fail(subject, "proxy_protocol", "set proxy_protocol_networks to the proxy's address at the server", "servers proxy_protocol is set, but the server takes PROXY headers from nobody (proxy_protocol_networks is empty)")
	case nets == "*":
		x.warn(subject, "proxy_protocol", "name the proxy's address alone in proxy_protocol_networks", "the server believes PROXY headers of everybody: whoever reaches it can claim any address")
	default:
		x.ok(subject, "proxy_protocol", "the server takes PROXY headers from %s", nets)
	}
}

// mySessions looks in the process list for clients that go around the proxy, and
// for readers of the binary log.
func (x *exam) mySessions(ctx context.Context, v *mySeen) error {
	if !v.grants.Has("PROCESS", "", "") {
		x.warn(v.subject, "sessions", fmt.Sprintf("GRANT PROCESS ON *.* TO %s, at least while the doctor runs", v.grantee()), "the seeding role can't see other sessions, so it is unknown whether anybody goes around the proxy")
		return nil
	}
	local, err := localAddresses()
	if err != nil {
		return err
	}
	readers := map[direct]int{}
	groups, o, err := x.around(ctx, v.s.Name, func() ([]seat, error) {
		clear(readers) // the last list's count
		return mySeats(ctx, v, local, readers)
	})
	if err != nil {
		return fmt.Errorf("read the process list: %w", err)
	}
	for d, n := range readers {
		x.warn(v.subject, "binlog", "see that it is a replica or a backup that you know: the stream holds the honey rows too, and nobody watches it", "%d session(s) of %q read the binary log from %s", n, d.user, d.from)
	}
	if v.s.ProxyProtocol && !o.sure(alike) {
		// All of them show their client's address: none says anything.
		for d := range groups {
			if d.maybe {
				delete(groups, d)
			}
		}
		x.warn(v.subject, "sessions", "let only the proxy reach the server's port (firewall, bind_address)", "with proxy_protocol the server shows clients' own addresses, so that sessions around the proxy can't be told apart")
		if len(groups) == 0 {
			return nil
		}
	}
	x.reportDirect(v.subject, groups, o, "point it at the proxy, then close the direct way (accounts' hosts, bind_address, firewall)", "SHOW PROCESSLIST")
	return nil
}

// mySeats lists the sessions of others; those that read the binary log go to
// readers.
func mySeats(ctx context.Context, v *mySeen, local map[string]bool, readers map[direct]int) (out []seat, err error) {
	rows, err := v.rows(ctx, "SELECT USER, COALESCE(DB, ''), COALESCE(HOST, ''), COMMAND, ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()")
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		s := seat{user: r[0], database: r[1], application: r[3]}
		host, port := hostPort(r[2])
		if port == "" && host != "localhost" || s.user == "system user" || s.user == "event_scheduler" || s.application == "Daemon" {
			continue // the server's own threads
		}
		if s.user == "unauthenticated user" {
			continue // it is logging in, and may be a proxy's that has no session yet
		}
		if strings.HasPrefix(s.application, "Binlog Dump") {
			readers[direct{user: s.user, database: s.database, application: s.application, from: host}]++
			continue
		}
		id, err := strconv.ParseUint(r[4], 10, 32)
		if err != nil {
			return nil, err
		}
		s.id = uint32(id)
		switch {
		case port == "":
			s.origin, s.from = bySocket(v.s.Address), "the server's unix socket"
		case v.s.ProxyProtocol:
			s.origin, s.from = alike, host
		case here(ctx, host, local):
			s.origin, s.from = thisMachine, "this machine"
			s.port, _ = strconv.Atoi(port)
		default:
			s.origin, s.from = elsewhere, host
		}
		out = append(out, s)
	}
	return out, nil
}

// myOpenings reports whether the server's configuration leaves the direct way,
// or another door, open.
func (x *exam) myOpenings(ctx context.Context, v *mySeen) error {
	binds := v.settings["bind_address"]
	switch {
	case v.on("skip_networking"):
		x.ok(v.subject, "bind_address", "the server listens on its unix socket only")
	case !openBind(binds):
		x.ok(v.subject, "bind_address", "the server listens on %q only", binds)
	case loopback(v.s.Address):
		x.warn(v.subject, "bind_address", "set bind_address = 127.0.0.1 at the server: the proxy needs no more", "the server listens on %q, so clients can reach it around the proxy", shown(binds))
	default:
		x.warn(v.subject, "bind_address", "let a firewall admit only the proxy to the server's port, and bind accounts to the proxy's address", "the server listens on %q, so clients can reach it around the proxy", shown(binds))
	}
	if p := v.settings["mysqlx_port"]; p != "" && p != "0" && openBind(v.settings["mysqlx_bind_address"]) {
		x.warn(v.subject, "mysqlx", "switch the X Protocol off (mysqlx = 0), or bind it to 127.0.0.1 (mysqlx_bind_address)", "the server speaks the X Protocol on port %s, which does not lead through the proxy", p)
	}
	if p := v.settings["extra_port"]; p != "" && p != "0" && openBind(binds) {
		x.warn(v.subject, "extra_port", "keep extra_port behind a firewall", "the server listens on a second port, %s, which does not lead through the proxy", p)
	}
	if a := v.settings["admin_address"]; a != "" && !loopback(net.JoinHostPort(a, "0")) {
		x.warn(v.subject, "admin_address", "bind it to 127.0.0.1", "the server listens for administrators on %s, which does not lead through the proxy", a)
	}
	plugins, err := v.column(ctx, "SELECT PLUGIN_NAME FROM information_schema.PLUGINS WHERE PLUGIN_STATUS = 'ACTIVE' AND LOWER(PLUGIN_NAME) IN ('handlersocket', 'daemon_memcached')")
	if err != nil {
		return fmt.Errorf("read the plugins: %w", err)
	}
	for _, p := range plugins {
		x.warn(v.subject, "plugin", "UNINSTALL PLUGIN "+p+" if nobody needs it, else keep its port behind a firewall", "the plugin %s serves rows on a port of its own, which does not lead through the proxy", p)
	}
	return nil
}

// openBind reports whether a bind_address admits others than this machine.
// Empty (MariaDB) and * mean all.
func openBind(list string) bool {
	for _, a := range strings.Split(list, ",") {
		a, _, _ = strings.Cut(strings.TrimSpace(a), "/") // MySQL: a network namespace behind it
		if a == "" || a == "*" || !loopback(net.JoinHostPort(a, "0")) {
			return true
		}
	}
	return false
}

func shown(list string) string {
	if list == "" {
		return "*"
	}
	return list
}
