package app

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// The kernel's tables of sockets in this network namespace (proc(5)).
const (
	tcpTable  = "/proc/net/tcp"
	tcp6Table = "/proc/net/tcp6"
	unixTable = "/proc/net/unix"
)

// watchListener finds a listener's socket among the kernel's without connecting
// to it, and sees to it that connections do not pile up before it: of a process
// that hangs, the kernel would still accept them.
func watchListener(ctx context.Context, network, addr string) error {
	look := func() (found bool, waiting uint64, err error) { return unixListens(unixTable, addr) }
	if network != "unix" {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return err
		}
		n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
		if err != nil {
			return err
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return err
		}
		look = func() (bool, uint64, error) { return tcpListens(ips, uint16(n), tcpTable, tcp6Table) }
	}
	for {
		found, waiting, err := look()
		if err != nil || found && waiting == 0 {
			return err
		}
		if !found {
			return fmt.Errorf("nothing listens at %s: is the proxy running, on this machine and in this container?", addr)
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return fmt.Errorf("connections wait at %s (%d) and nobody accepts them: look at the proxy's log", addr, waiting)
		}
	}
}

// tcpListens looks for a TCP socket that listens at one of the addresses, or at
// all, and tells how many connections wait to be accepted.
func tcpListens(ips []netip.Addr, port uint16, tables ...string) (found bool, waiting uint64, err error) {
	for _, table := range tables {
		err := eachLine(table, func(f []string) {
			// sl, local, remote, state, tx_queue:rx_queue; of a listening
			// socket rx_queue is its queue of connections
			if len(f) < 5 || f[3] != "0A" { // TCP_LISTEN
				return
			}
			at, ok := kernelAddr(f[1])
			if !ok || at.Port() != port {
				return
			}
			for _, ip := range ips {
				if at.Addr().IsUnspecified() || at.Addr().Unmap() == ip.Unmap() {
					_, rx, _ := strings.Cut(f[4], ":")
					n, _ := strconv.ParseUint(rx, 16, 32)
					found, waiting = true, max(waiting, n)
				}
			}
		})
		if err != nil && (table != tcp6Table || !errors.Is(err, fs.ErrNotExist)) { // a kernel without IPv6
			return false, 0, err
		}
	}
	return found, waiting, nil
}

// kernelAddr decodes the kernel's form of an address, 0100007F:0CEA for
// 127.0.0.1:3306: words in the machine's byte order, then the port.
func kernelAddr(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	n, perr := strconv.ParseUint(port, 16, 16)
	if err != nil || perr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for w := b; len(w) > 0; w = w[4:] { // printed as numbers, most significant digit first
		binary.NativeEndian.PutUint32(w, binary.BigEndian.Uint32(w))
	}
	ip, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip, uint16(n)), ok
}

// unixListens is tcpListens for a unix socket; the kernel's table has no queue.
func unixListens(table, path string) (found bool, waiting uint64, err error) {
	err = eachLine(table, func(f []string) {
		// Num, RefCount, Protocol, Flags (__SO_ACCEPTCON), Type, St, Inode, Path
		found = found || len(f) >= 8 && f[3] == "00010000" && strings.Join(f[7:], " ") == path
	})
	return found, 0, err
}

func eachLine(file string, do func(fields []string)) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("ask the kernel for its sockets: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		do(strings.Fields(line))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
