package app

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/proxy"
	"honeyrow/token"
)

func TestHealthKnowsAListenerThatIsNotHoneyrow(t *testing.T) {
	for _, tc := range []struct {
		name, answer, want string
		balanced           bool
	}{
		{"plain", "N", "", false},
		{"with TLS", "S", "", false},
		{"another protocol", "H", "is this honeyrow?", false},
		{"hangs up", "", "does not answer", false},
		{"for balancers only", "", "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sock, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
			if err != nil {
				t.Fatal(err)
			}
			defer sock.Close()
			go func() { // ends with the socket
				for {
					c, err := sock.Accept()
					if err != nil {
						return
					}
					var question [8]byte
					_, _ = c.Read(question[:])
					_, _ = c.Write([]byte(tc.answer))
					c.Close()
				}
			}()
			l := &ListenerConfig{Config: proxy.Config{Protocol: "postgres", Address: "unix:" + sock.Addr().String()}}
			if tc.balanced {
				l.ProxyProtocol.From = []string{"unix"}
			}
			err = askListener(context.Background(), l)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestHealthAsksAListenerWhereThisMachineReachesIt(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:6432":    "tcp 127.0.0.1:6432",
		"[::]:6432":       "tcp [::1]:6432",
		":6432":           "tcp localhost:6432",
		"10.1.2.3:6432":   "tcp 10.1.2.3:6432",
		"db.example:6432": "tcp db.example:6432",
		"unix:/run/h/s":   "unix /run/h/s",
	} {
		network, addr, err := fromHere(address)
		if got := network + " " + addr; got != want || err != nil {
			t.Errorf("%s: got %s, %v; want %s", address, got, err, want)
		}
	}
}

func TestHealthTakesTheProxyOfThisMachineThatStandsBeforeAllServers(t *testing.T) {
	ws := []token.Watcher{
		{ID: "a", Host: "other", Servers: []string{"crm", "hr"}, Version: 9},
		{ID: "b", Host: "here", Servers: []string{"hr"}, Version: 8},
		{ID: "c", Host: "here", Servers: []string{"hr", "crm"}, Version: 3},
		{ID: "d", Host: "here", Servers: []string{"crm", "hr"}, Version: 7},
	}
	if w, ok := ownWatcher(ws, "here", []string{"crm", "hr"}); !ok || w.ID != "d" {
		t.Errorf("got %s, %t; want d", w.ID, ok)
	}
	if w, ok := ownWatcher(ws[:2], "here", []string{"crm"}); ok {
		t.Errorf("got %s, want none", w.ID)
	}
}
