package app

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/proxy"
)

// A socket on which somebody listens and nobody accepts: what waits there stays.
func TestHealthOfAMySQLListenerIsSeenWithoutConnecting(t *testing.T) {
	for network, at := range map[string]func(net.Listener) []string{
		"tcp4": func(l net.Listener) []string { return hosts(l, "127.0.0.1", "localhost", "0.0.0.0") },
		"unix": func(l net.Listener) []string { return []string{"unix:" + l.Addr().String()} },
	} {
		bind := "127.0.0.1:0"
		if network == "unix" {
			bind = filepath.Join(t.TempDir(), "a socket")
		}
		l, err := net.Listen(network, bind)
		if err != nil {
			t.Fatal(err)
		}
		addresses := at(l)
		ask := func(address, want string) {
			t.Helper()
			var err error
			// That nobody accepts is found when the time is over, which a busy machine may
			// not even begin to look in.
			for patience := 300 * time.Millisecond; ; patience *= 4 {
				ctx, stop := context.WithTimeout(t.Context(), patience)
				err = askListener(ctx, &ListenerConfig{Config: proxy.Config{Protocol: mysql, Address: address}})
				stop()
				if err == nil && want == "" || err != nil && want != "" && strings.Contains(err.Error(), want) || patience > time.Minute {
					break
				}
			}
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", address, err, want)
			}
		}
		for _, a := range addresses {
			ask(a, "")
		}
		if network == "tcp4" {
			ask(strings.Replace(addresses[0], "127.0.0.1", "127.0.0.9", 1), "nothing listens")
			c, err := net.Dial("tcp", l.Addr().String()) // the kernel takes it
			if err != nil {
				t.Fatal(err)
			}
			ask(addresses[0], "nobody accepts")
			accepted, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			accepted.Close()
			c.Close()
			ask(addresses[0], "")
		}
		l.Close()
		ask(addresses[0], "nothing listens")
	}
}

// hosts are the addresses of a TCP socket on other hosts' names.
func hosts(l net.Listener, names ...string) (out []string) {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, h := range names {
		out = append(out, net.JoinHostPort(h, port))
	}
	return out
}

func TestAddressesOfTheKernelAreRead(t *testing.T) {
	for in, want := range map[string]string{
		"0100007F:0CEA":                         "127.0.0.1:3306",
		"00000000:1F90":                         "0.0.0.0:8080",
		"00000000000000000000000001000000:0CEA": "[::1]:3306",
		"B80D0120000000000000000001000000:0001": "[2001:db8::1]:1",
		"0100007F":                              "",
		"zz:1":                                  "",
		"01:1":                                  "",
	} {
		got, ok := kernelAddr(in)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %s, %t; want %q", in, got, ok, want)
		}
	}
}
