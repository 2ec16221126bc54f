package doctor

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"honeyrow/token"
)

// Proxy is what a running proxy tells of itself.
type Proxy struct {
	Host string
	// PIDs are its own and those of the processes before it, whose sessions it told
	// too.
	PIDs     []int
	Backends []Backend
}

// Backend is the server's end of a proxy's session.
type Backend struct {
	Server string // its name in the configuration
	ID     uint32 // the server's process (PostgreSQL) or connection id (MySQL)
}

// own is what is known of the sessions that proxies have with one server.
type own struct {
	backends map[uint32]bool
	ports    map[int]bool // local ones of this machine's proxies
	peeked   int          // proxies of which only ports are known
	// unseen are the proxies of which nothing is; here, that one of them runs on
	// this machine.
	unseen []token.Watcher
	here   bool
	// blind: which proxies run is not known.
	blind bool
}

// own asks which sessions with a server are the proxies' own: the running proxy
// itself, over the admin listener, and /proc for those of this machine that it
// does not speak for.
func (x *exam) own(ctx context.Context, server string) *own {
	o := &own{backends: map[uint32]bool{}, ports: map[int]bool{}, blind: x.snapshot == nil}
	var told *Proxy
	if x.p.Proxy != nil {
		ctx, cancel := context.WithTimeout(ctx, checkTime)
		told, _ = x.p.Proxy(ctx) // nil: others' sessions can't be told apart, which is said where it matters
		cancel()
	}
	if told != nil {
		for _, b := range told.Backends {
			if b.Server == server {
				o.backends[b.ID] = true
			}
		}
	}
	host, _ := os.Hostname()
	for _, w := range x.watchers {
		switch {
		case !slices.Contains(w.Servers, server):
		case told != nil && told.Host == w.Host && slices.Contains(told.PIDs, w.PID):
		case w.Host == host && portsOf(w.PID, o.ports) == nil:
			o.peeked++
		default:
			o.unseen, o.here = append(o.unseen, w), o.here || w.Host == host
		}
	}
	return o
}

// has reports whether a session is a proxy's; port is 0 where it is not one of this
// machine's.
func (o *own) has(id uint32, port int) bool { return o.backends[id] || port > 0 && o.ports[port] }

// Where a session comes from.
type origin int

const (
	elsewhere   origin = iota
	thisMachine        // over TCP
	alike              // as the proxy's do: over the server's unix socket, or with the client's own address
	apart              // over the server's unix socket, which the proxy does not use
)

// bySocket is the origin of a session over the unix socket of the server at address.
func bySocket(address string) origin {
	if network, _ := split(address); network == "unix" || strings.HasPrefix(address, "/") {
		return alike
	}
	return apart
}

// sure reports whether a session that is none of those known to be a proxy's must
// go around all of them.
func (o *own) sure(from origin) bool {
	switch {
	case from == apart:
		return true
	case o.blind:
		return false
	case from == thisMachine:
		return !o.here
	case from == elsewhere:
		return len(o.unseen) == 0
	}
	return o.peeked+len(o.unseen) == 0
}

// who names the proxies whose sessions are not known.
func (o *own) who() string {
	if o.blind {
		return "a proxy"
	}
	var names []string
	for _, w := range o.unseen {
		names = append(names, fmt.Sprintf("%s (pid %d)", w.Host, w.PID))
	}
	if len(names) == 0 {
		return "the proxy of this machine"
	}
	return "the proxy on " + strings.Join(names, ", ")
}

// direct is one group of sessions that do not come through the proxy, or of which
// that is not known (maybe).
type direct struct {
	user, database, from, application string
	maybe                             bool
	n                                 int
}

// seat is one session as the server lists it.
type seat struct {
	id                          uint32
	began                       string // with id, it is this session and no later one
	user, database, application string
	origin                      origin
	from                        string // as it is told
	port                        int    // of this machine; 0: another's
}

// around groups the sessions that go around the proxy. Sessions begin and end while
// two lists are read: what is in the server's list and in none of the proxies' is
// looked for in both once more.
func (x *exam) around(ctx context.Context, server string, list func() ([]seat, error)) (map[direct]int, *own, error) {
	o := x.own(ctx, server)
	seats, err := list()
	if err != nil {
		return nil, nil, err
	}
	foreign := func(s seat) bool { return !o.has(s.id, s.port) }
	if seats = keep(seats, foreign); len(seats) > 0 {
		o = x.own(ctx, server)
		again, err := list()
		if err != nil {
			return nil, nil, err
		}
		seats = keep(seats, func(s seat) bool {
			return foreign(s) && slices.ContainsFunc(again, func(a seat) bool { return a.id == s.id && a.began == s.began })
		})
	}
	groups := map[direct]int{}
	for _, s := range seats {
		groups[direct{user: s.user, database: s.database, from: s.from, application: s.application, maybe: !o.sure(s.origin)}]++
	}
	return groups, o, nil
}

func keep(seats []seat, ok func(seat) bool) (out []seat) {
	for _, s := range seats {
		if ok(s) {
			out = append(out, s)
		}
	}
	return out
}

// reportDirect tells of the sessions that do not come through the proxy; all
// is where the whole list stands.
func (x *exam) reportDirect(subject string, groups map[direct]int, o *own, advice, all string) {
	if len(groups) == 0 {
		x.ok(subject, "sessions", "nobody is connected around the proxy at this moment")
		return
	}
	var ds []direct
	for d, n := range groups {
		d.n = n
		ds = append(ds, d)
	}
	sort.Slice(ds, func(i, j int) bool {
		a, b := &ds[i], &ds[j]
		switch {
		case a.maybe != b.maybe:
			return b.maybe
		case a.n != b.n:
			return a.n > b.n
		}
		return a.from+a.user+a.database+a.application < b.from+b.user+b.database+b.application
	})
	for i, d := range ds {
		if i == 10 {
			x.warn(subject, "sessions", "see "+all, "%d more groups of sessions", len(ds)-i)
			return
		}
		who := fmt.Sprintf("%d session(s) of %q in database %q come from %s", d.n, d.user, d.database, d.from)
		if d.maybe {
			advice := "give the proxy an admin.address that this configuration reaches (a unix socket in a folder that both see): then it names its own sessions"
			if len(o.unseen) > 0 {
				advice = "run the doctor where that proxy runs, as its user, or " + advice
			}
			x.warn(subject, "sessions", advice, "%s (application %q): whether through %s or around it can't be known from here", who, d.application, o.who())
			continue
		}
		x.warn(subject, "sessions", advice, "%s around the proxy (application %q): what they read is not seen", who, d.application)
	}
}

// portsOf adds the local TCP ports that a process of this machine holds. It fails
// where that may not be looked at.
func portsOf(pid int, ports map[int]bool) error {
	inodes, err := socketInodes(pid)
	if err != nil {
		return err
	}
	for _, name := range []string{"tcp", "tcp6"} {
		portsIn(filepath.Join("/proc", strconv.Itoa(pid), "net", name), inodes, ports)
	}
	return nil
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

// portsIn adds the local ports of the sockets in a table such as
// /proc/net/tcp whose inode is among inodes.
func portsIn(table string, inodes map[string]bool, ports map[int]bool) {
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
