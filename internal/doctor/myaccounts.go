package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os/user"
	"slices"
	"sort"
	"strings"

	"honeyrow/proxy/tlsconf"
	"honeyrow/seeder/mydb"
)

// account is a login of the server.
type account struct {
	user, host string
	plugins    []string // any of which lets it in
	open       bool     // no password is set
	tls        string   // "", ANY, X509, SPECIFIED: what REQUIRE says
	replica    bool     // may read the binary log
	admin      bool     // may do everything
}

func (a account) String() string {
	return "'" + a.user + "'@'" + a.host + "'"
}

// inner are accounts that nobody logs in to.
var inner = []string{"mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema"}

// myAccounts tells which accounts can't come through the proxy, and which let
// clients in around it.
func (x *exam) myAccounts(ctx context.Context, v *mySeen) error {
	subject := "accounts " + v.s.Name
	as, err := v.accounts(ctx)
	if errRefused(err) {
		columns := "User, Host, plugin, ssl_type, Repl_slave_priv, Super_priv"
		if v.product == "MySQL" {
			columns += ", account_locked"
		}
		x.warn(subject, "accounts", fmt.Sprintf("GRANT SELECT (%s) ON mysql.user TO %s, at least while the doctor runs", columns, v.grantee()), "the seeding role can't read mysql.user, so it is unknown which accounts can log in through the proxy and which admit clients around it")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	coming := x.myHosts(subject, v, as)
	x.myLogins(subject, v, coming)
	x.myReplicas(subject, v, as)
	x.myOpenHosts(v, as)
	return nil
}

// hashing are the plugins whose accounts have a password's hash, or an open door.
var hashing = []string{"", "mysql_native_password", "caching_sha2_password", "sha256_password"}

// accounts reads mysql.user, and on MariaDB mysql.global_priv if that is
// allowed, which alone tells of several plugins, locks and empty passwords.
func (v *mySeen) accounts(ctx context.Context) (as []account, err error) {
	var rows [][]string
	if v.product == "MariaDB" {
		rows, err = v.rows(ctx, `SELECT g.User, g.Host, COALESCE(JSON_VALUE(g.Priv, '$.plugin'), ''), COALESCE(u.ssl_type, ''), u.Repl_slave_priv,
			COALESCE(JSON_EXTRACT(g.Priv, '$.auth_or[*].plugin'), ''), COALESCE(JSON_VALUE(g.Priv, '$.authentication_string'), '') = '', u.Super_priv
			FROM mysql.global_priv g JOIN mysql.user u ON u.User = g.User AND u.Host = g.Host
			WHERE COALESCE(JSON_VALUE(g.Priv, '$.account_locked'), 0) = 0 AND COALESCE(JSON_VALUE(g.Priv, '$.is_role'), 0) = 0`)
		if errRefused(err) {
			rows, err = v.rows(ctx, "SELECT User, Host, plugin, COALESCE(ssl_type, ''), Repl_slave_priv, '', 0, Super_priv FROM mysql.user WHERE Host <> ''")
		}
	} else { // a role is a locked account
		const of = "SELECT User, Host, plugin, COALESCE(ssl_type, ''), Repl_slave_priv, '', %s, Super_priv FROM mysql.user WHERE account_locked = 'N'"
		rows, err = v.rows(ctx, fmt.Sprintf(of, "authentication_string = ''"))
		if errRefused(err) { // hashes need not be shown to the role: then empty passwords are not known
			rows, err = v.rows(ctx, fmt.Sprintf(of, "0"))
		}
	}
	for _, r := range rows {
		if slices.Contains(inner, r[0]) {
			continue
		}
		a := account{user: r[0], host: r[1], tls: strings.ToUpper(r[3]), replica: r[4] == "Y", admin: r[7] == "Y"}
		var more []string
		if r[5] != "" && json.Unmarshal([]byte(r[5]), &more) == nil {
			a.plugins = more
		}
		if !slices.Contains(a.plugins, r[2]) {
			a.plugins = append(a.plugins, r[2])
		}
		a.open = r[6] == "1" && len(a.plugins) == 1 && slices.Contains(hashing, r[2])
		as = append(as, a)
	}
	sort.Slice(as, func(i, j int) bool { return as[i].String() < as[j].String() })
	return as, err
}

// myHosts returns the accounts that count for clients behind the proxy, and
// names the users that can't log in because the server sees the proxy's
// address in place of theirs.
func (x *exam) myHosts(subject string, v *mySeen, as []account) (coming []account) {
	if v.s.ProxyProtocol {
		return as
	}
	if v.from == "" {
		x.warn(subject, "hosts", "let the connection string name the same address as servers address", "the seeding role takes another way than the proxy, so it is unknown as which host the server sees the proxy: accounts' hosts are not compared")
		return as
	}
	users := map[string][]account{}
	for _, a := range as {
		users[a.user] = append(users[a.user], a)
	}
	var out, other []string
	for _, own := range users {
		var in, rest []account
		for _, a := range own {
			if admits(a.host, v.from) || slices.ContainsFunc(v.also, func(h string) bool { return admits(a.host, h) }) {
				in = append(in, a)
			} else {
				rest = append(rest, a)
			}
		}
		coming = append(coming, in...)
		for _, a := range rest {
			if len(in) == 0 {
				out = append(out, a.String())
			} else if a.host != "localhost" && !a.admin {
				other = append(other, a.String())
			}
		}
	}
	sort.Slice(coming, func(i, j int) bool { return coming[i].String() < coming[j].String() })
	slices.Sort(out)
	slices.Sort(other)
	advice := fmt.Sprintf("give those whose applications shall use the proxy an account for its address, such as RENAME USER or CREATE USER 'app'@'%s'", v.from)
	if v.product == "MariaDB" {
		advice += "; or set servers proxy_protocol and the server's proxy_protocol_networks"
	}
	if len(out) > 0 {
		x.warn(subject, "hosts", advice, "the server sees clients of the proxy come from %s: %d account(s) that are bound to other hosts can't log in through it (%s)", v.from, len(out), some(out))
	}
	if len(other) > 0 {
		x.warn(subject, "hosts", "see that the account that counts has the same rights; or "+advice[strings.LastIndex(advice, "; ")+1:], "%d account(s) bound to a host (%s) give way to the same user's account for %s: other rights and passwords may count behind the proxy", len(other), some(other), v.from)
	}
	if len(coming) > 0 {
		x.ok(subject, "hosts", "%d account(s) admit clients that come from %s, where the server sees the proxy", len(coming), v.from)
	}
	return coming
}

// admits reports whether the host of an account matches a client's, as the
// server sees it (MySQL manual, "Specifying Account Names").
func admits(pattern, host string) bool {
	pattern, host = strings.ToLower(pattern), strings.ToLower(host)
	if pattern == "" || pattern == "%" || pattern == host {
		return true
	}
	if base, mask, ok := strings.Cut(pattern, "/"); ok {
		a, err := netip.ParseAddr(host)
		if err != nil {
			return false
		}
		if p, err := netip.ParsePrefix(pattern); err == nil {
			return p.Contains(a)
		}
		m, b := net.ParseIP(mask).To4(), net.ParseIP(base).To4()
		if m == nil || b == nil || !a.Is4() {
			return false
		}
		four := a.As4()
		return b.Equal(net.IP(four[:]).Mask(net.IPMask(m)))
	}
	return mydb.Like(pattern, host)
}

// passage is what a login meets on its way: the legs and the proxy's means.
type passage struct {
	clients tlsconf.Client // of the listener; the zero one is no listener's
	private bool           // clients come by a unix socket or from this machine
	always  bool           // every client's leg is one on which it sends passwords in the clear (proxy/mywire)
	tls     bool           // the server's leg has TLS
	unix    bool           // the server's leg is a unix socket
	safe    bool           // nobody reads along on the server's leg: TLS, unix socket or loopback
	cert    bool           // the proxy has a certificate of its own for the server
	rsaKey  bool           // the proxy has the server's RSA key
	account string         // the operating system's user, who is the peer of a unix socket
}

// opinion is what there is to say of an account on a passage.
type opinion struct {
	level        Level
	text, advice string
}

const clearText = "send the password in the clear"

// pass says how an account with a plugin fares. It says before traffic moves
// what proxy/mywire would answer at the login (its auth.go).
func (p *passage) pass(plugin, user string) opinion {
	switch plugin {
	case "", "mysql_native_password", "ed25519", "client_ed25519", "parsec":
		return opinion{level: OK}
	case "mysql_no_login":
		return opinion{level: OK}
	case "mysql_old_password":
		return opinion{Fail, "have a password of before MySQL 4.1, which the proxy refuses", "set it anew with old_passwords = 0: ALTER USER ... IDENTIFIED BY ..."}
	case "caching_sha2_password", "sha256_password":
		return p.hashed(plugin)
	case "pam", "auth_pam", "auth_pam_compat", "authentication_pam", "authentication_ldap_simple", "dialog", "mysql_clear_password":
		return p.clear(plugin)
	case "unix_socket", "auth_socket":
		switch {
		case !p.unix:
			return opinion{OK, "log in by who their process is, which only the server's own unix socket tells: they stay outside the proxy", ""}
		case user == p.account:
			return opinion{Fail, fmt.Sprintf("are let in without a password when the process at the other end belongs to %s, which the proxy's does: so is every client of the proxy", p.account), "run the proxy as a user who has no account of this kind, or give the account a password alone"}
		}
		return opinion{OK, "log in by who their process is, which is now the proxy: they can't come through it", ""}
	case "gssapi", "auth_gssapi", "authentication_kerberos", "authentication_windows":
		return opinion{Warn, "log in with a ticket for the server's name (" + plugin + "), which is passed on unread and was not tried by honeyrow's makers", "try one login through the proxy before you move traffic"}
	}
	return opinion{Warn, "use the plugin " + plugin + ", which is passed on unread and was not tried by honeyrow's makers", "try one login through the proxy before you move traffic"}
}

// clear judges plugins with a password in the clear.
func (p *passage) clear(plugin string) opinion {
	switch {
	case !p.safe:
		return opinion{Fail, clearText + " (" + plugin + "), and the proxy's connection to the server is not encrypted: the proxy refuses them", "set servers tls.mode to require, or to verify-full with ca_file"}
	case !p.always && !p.private:
		return opinion{Warn, clearText + " (" + plugin + "), and the listener admits clients without TLS", "set listeners tls.mode to require, with cert_file and key_file"}
	}
	return opinion{level: OK}
}

// hashed judges plugins that send the password in TLS or else encrypted with
// an RSA key that the client must ask for.
func (p *passage) hashed(plugin string) opinion {
	const ask = "or let clients ask for the RSA key (--get-server-public-key, allowPublicKeyRetrieval=true)"
	secure := p.tls || p.unix
	switch {
	case p.always:
		return opinion{level: OK}
	case secure && !p.rsaKey:
		return opinion{Warn, "have " + plugin + ": clients without TLS get the proxy's RSA key, and fail if they do not ask for it or know the server's instead", "set listeners tls.mode to require; " + ask + "; where they know the server's key, give it to the proxy as listeners rsa_key_file"}
	}
	return opinion{Warn, "have " + plugin + ": clients without TLS fail unless they ask for the RSA key", "set listeners tls.mode to require; " + ask}
}

// required judges what REQUIRE says of TLS.
func (p *passage) required(kind string) opinion {
	switch {
	case kind == "" || kind == "NONE":
		return opinion{level: OK}
	case !p.tls:
		return opinion{Fail, "require TLS, and the proxy's connection to the server has none", "set servers tls.mode to require, or to verify-full with ca_file, and give the server a certificate"}
	case kind == "ANY":
		return opinion{level: OK}
	case !p.cert:
		return opinion{Fail, "require a client's certificate, which ends at the proxy", "give the proxy one of its own (servers tls.cert_file, key_file) and check clients' with listeners tls.client_auth; or drop REQUIRE X509 from the account"}
	}
	return opinion{Warn, "require a client's certificate: the server sees the proxy's, whoever comes", "check clients' own with listeners tls.client_auth: require"}
}

// judge takes the best of an account's plugins, unless one is a danger.
func (p *passage) judge(a account) []opinion {
	rank := map[Level]int{OK: 0, Warn: 1, Fail: 2}
	best := opinion{level: Fail, text: "?"}
	for i, plugin := range a.plugins {
		o := p.pass(plugin, a.user)
		if p.unix && o.level == Fail && (plugin == "unix_socket" || plugin == "auth_socket") {
			best = o
			break
		}
		if i == 0 || rank[o.level] < rank[best.level] || rank[o.level] == rank[best.level] && best.text != "" && o.text == "" {
			best = o
		}
	}
	out := []opinion{best, p.required(a.tls)}
	if a.open {
		out = append(out, opinion{Warn, "have no password: whoever reaches the proxy is let in", "ALTER USER ... IDENTIFIED BY ..., or lock the account"})
	}
	return slices.DeleteFunc(out, func(o opinion) bool { return o.text == "" })
}

// passages are the ways through the proxy to a server, by listener.
func (x *exam) passages(s *Server) map[string]*passage {
	network, _ := myTarget(s.Address)
	base := passage{tls: myEncrypted(s, x.probes[s.Name]), unix: network == "unix", cert: s.TLS.CertFile != ""}
	base.safe = base.tls || base.unix || loopback(s.Address)
	if u, err := user.Current(); err == nil {
		base.account = u.Username
	}
	out := map[string]*passage{}
	for _, l := range x.p.Listeners {
		if l.Server != s.Name && (l.Server != "" || len(x.p.Servers) > 1) {
			continue
		}
		p := base
		p.clients = l.TLS
		network, _ := split(l.Address)
		p.always = network == "unix" || l.TLS.Mode == tlsconf.Require
		p.private, p.rsaKey = loopback(l.Address), l.RSAKeyFile != ""
		out[l.Name] = &p
	}
	return out
}

// myLogins groups the accounts by what there is to say of them.
func (x *exam) myLogins(subject string, v *mySeen, as []account) {
	type line struct {
		opinion
		listener string
	}
	groups := map[line][]string{}
	fine := 0
	ways := x.passages(v.s)
	for _, a := range as {
		if a.user == v.account[:max(strings.LastIndexByte(v.account, '@'), 0)] {
			continue // the seeding role must not come through
		}
		said := map[opinion][]string{}
		good := len(ways) > 0
		for name, p := range ways {
			for _, o := range p.judge(a) {
				said[o] = append(said[o], name)
				good = false
			}
		}
		if good {
			fine++
		}
		for o, names := range said {
			l := line{opinion: o}
			if len(names) < len(ways) {
				slices.Sort(names)
				l.listener = "by listener " + strings.Join(names, ", ") + " "
			}
			groups[l] = append(groups[l], a.String())
		}
	}
	var ls []line
	for l := range groups {
		ls = append(ls, l)
	}
	rank := map[Level]int{Fail: 0, Warn: 1, OK: 2}
	sort.Slice(ls, func(i, j int) bool {
		a, b := ls[i], ls[j]
		return rank[a.level] < rank[b.level] || rank[a.level] == rank[b.level] && a.text+a.listener < b.text+b.listener
	})
	for _, l := range ls {
		names := groups[l]
		x.emit(Finding{Subject: subject, Check: "plugins", Level: l.level, Advice: l.advice, Text: fmt.Sprintf("%d account(s) %s%s: %s", len(names), l.listener, l.text, some(names))})
	}
	switch {
	case len(ways) == 0:
		x.warn(subject, "plugins", "add a listener for the server", "no listener leads to the server: it is unknown how logins would pass")
	case fine > 0:
		x.ok(subject, "plugins", "%d account(s) log in through the proxy as they do now", fine)
	}
}

// myReplicas tells who may read the binary log, which holds every honey row.
func (x *exam) myReplicas(subject string, v *mySeen, as []account) {
	allowed := map[string]bool{}
	for _, l := range x.p.Listeners {
		if l.Server == v.s.Name || len(x.p.Servers) == 1 {
			for _, u := range l.Replication {
				allowed[u] = true
			}
		}
	}
	var direct []string
	known := map[string]bool{}
	for _, a := range as {
		if !a.replica {
			continue
		}
		known[a.user] = true
		if !allowed[a.user] && !a.admin {
			direct = append(direct, a.String())
		}
	}
	for u := range allowed {
		if !known[u] {
			x.warn(subject, "replication", "take the name out of listeners replication, or GRANT REPLICATION SLAVE ON *.* to it", "%q is listed under replication, but no account of that name may read the binary log", u)
		}
	}
	if len(direct) > 0 && v.on("log_bin") {
		x.warn(subject, "replication", "revoke REPLICATION SLAVE from those who are no replica; list replicas that come through the proxy under listeners replication, and see that the others' copies are as guarded as the server", "%d account(s) may read the binary log, which holds the honey rows, and are not listed under replication: the proxy refuses them, the server itself does not (%s)", len(direct), some(direct))
	}
}

// myOpenHosts tells which accounts admit clients around the proxy.
func (x *exam) myOpenHosts(v *mySeen, as []account) {
	if v.on("skip_networking") || !openBind(v.settings["bind_address"]) {
		return
	}
	local, err := localAddresses()
	if err != nil {
		return
	}
	var wide []string
	for _, a := range as {
		if a.host != "localhost" && !local[a.host] && (v.from == "" || a.host != v.from) {
			wide = append(wide, a.String())
		}
	}
	if len(wide) == 0 {
		x.ok(v.subject, "hosts", "no account admits another machine than the proxy's")
		return
	}
	advice := "bind them to the proxy's address: RENAME USER 'app'@'%' TO 'app'@'PROXY'"
	if v.s.ProxyProtocol {
		advice = "let only the proxy reach the server's port (firewall): with proxy_protocol accounts are bound to clients' own addresses"
	}
	x.warn(v.subject, "hosts", advice, "%d account(s) admit clients from other machines around the proxy: %s", len(wide), some(wide))
}
