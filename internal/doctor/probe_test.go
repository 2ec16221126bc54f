package doctor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf"
)

func TestWhatTheServerAnswersAStrangerIsTold(t *testing.T) {
	refuse := func(code int, text string) string {
		return packetText(2, string([]byte{0xff, byte(code), byte(code >> 8)})+"#28000"+text)
	}
	const greeting = "\x0a8.4.3\x00\x01\x00\x00\x00abcdefgh\x00\xff\xf7\xff\x02\x00\xff\xdf\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00abcdefghijkl\x00caching_sha2_password\x00"
	for _, tc := range []struct {
		name, first, then string
		level             Level
		check, text       string
	}{
		{"strangers turned away", packetText(0, greeting), refuse(1045, "Access denied"), OK, "auth", "turns strangers away"},
		{"after a change of plugin", packetText(0, greeting), packetText(2, "\xfemysql_native_password\x00abcdefghijabcdefghij\x00") + refuse(1045, "Access denied"), OK, "auth", "turns strangers away"},
		{"everybody", packetText(0, greeting), packetText(2, "\x00\x00\x00\x02\x00\x00\x00"), Fail, "auth", "lets anybody in"},
		{"TLS wanted", packetText(0, greeting), refuse(3159, "Connections using insecure transport are prohibited"), Fail, "auth", "insecure transport"},
		{"host not allowed", packetText(0, "\xff\x6a\x04Host '10.0.0.1' is not allowed to connect"), "", Fail, "auth", "not allowed"},
		{"host blocked", packetText(0, "\xff\x69\x04Host is blocked"), "", Fail, "auth", "blocked"},
		{"too old", packetText(0, strings.Replace(greeting, "8.4.3", "5.5.9", 1)), refuse(1045, "Access denied"), Fail, "version", "MySQL 5.5.9"},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", "", Fail, "reachable", "not a MySQL or MariaDB server"},
		{"nothing", "", "", Fail, "reachable", "no greeting"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() { // ends with the conversation
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = io.WriteString(c, tc.first)
				if tc.first == "" || tc.then == "" {
					return
				}
				_, _ = bufio.NewReader(c).ReadByte()
				_, _ = io.WriteString(c, tc.then)
				_, _ = io.Copy(io.Discard, c)
			}()
			p := patient(t, &book{})
			p.Servers = []Server{{Name: "shop", Protocol: MySQL, Address: l.Addr().String(), TLS: tlsconf.Server{Mode: "prefer", MinVersion: "1.2"}}}
			want(t, examine(t, p), tc.level, tc.check, tc.text)
		})
	}
}

// Percona Server waits for a PROXY header from whoever is in proxy_protocol_networks,
// and says nothing. Of other servers there is none that does; a listener that
// says nothing stands for it.
func TestAServerThatWaitsForAPROXYHeaderIsNotCalledUnreachable(t *testing.T) {
	dsn := "mysql://seeder:hush-hush@%s/shop?ssl-mode=DISABLED"
	var address string
	if release(t).Percona {
		my, err := myserver.Start(t.Context(), myserver.Options{Settings: []string{"proxy_protocol_networks = 127.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(my.Stop)
		address = my.Addr()
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		address = l.Addr().String() // the kernel takes the connections
	}
	var fs []Finding
	var x *exam
	s := &Server{Name: "shop", Protocol: MySQL, Address: address, DSN: fmt.Sprintf(dsn, address), TLS: tlsconf.Server{Mode: "prefer", MinVersion: "1.2"}}
	waits := func(f Finding) bool { return strings.Contains(f.Text, "waits so for a PROXY header") }
	// A busy machine may not get as far in half a second as to wait for a greeting.
	for patience := 500 * time.Millisecond; ; patience *= 4 {
		fs = nil
		x = &exam{now: time.Now, emit: func(f Finding) { fs = append(fs, f) }, probes: map[string]*probe{}}
		for _, examine := range []func(context.Context, *Server){x.mysql, x.myRole} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			examine(ctx, s)
			cancel()
		}
		if len(fs) >= 2 && waits(fs[0]) && waits(fs[len(fs)-1]) || patience > time.Minute {
			break
		}
	}
	want(t, fs, Fail, "reachable", "waits so for a PROXY header")
	want(t, fs, Fail, "role", "waits so for a PROXY header")
	for _, f := range fs {
		if f.Level == Fail && !strings.Contains(f.Advice, "proxy_protocol_networks") || strings.Contains(f.Text+f.Advice, "hush-hush") {
			t.Errorf("finding %+v: what is to be done?", f)
		}
	}
	if !release(t).Percona {
		return
	}
	// The proxy sends a header: then it is the right answer.
	fs, s.ProxyProtocol, s.DSN = nil, true, ""
	x.mysql(t.Context(), s)
	want(t, fs, OK, "reachable", "MySQL 5.7")
}

func packetText(seq byte, payload string) string {
	return string([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, seq}) + payload
}

func FuzzGreeting(f *testing.F) {
	f.Add([]byte("\x0a5.5.5-10.11.19-MariaDB\x00\x01\x00\x00\x00abcdefgh\x00\xfe\xff"))
	f.Add([]byte("\xff\x69\x04Host is blocked"))
	f.Add([]byte("\xfemysql_native_password\x00abcdefghijabcdefghij\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pr := &probe{}
		if err := pr.greeted(b); err == nil && (!strings.Contains(string(b), pr.version) || !strings.Contains(string(b), pr.plugin)) {
			t.Fatalf("version %q is not in %q", pr.version, b)
		}
		if len(b) > 0 {
			pr.answered(b)
		}
		if !strings.Contains(string(b), pr.errText) {
			t.Fatalf("error %q is not in %q", pr.errText, b)
		}
	})
}
