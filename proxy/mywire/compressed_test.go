package mywire

import (
	"bytes"
	"compress/zlib"
	"io"
	"net"
	"strings"
	"testing"

	gomysqlclient "github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/inspect/inspecttest"
)

// Drivers that compress without having been offered it (PHP's among them) get
// what they sent for, and the inspector sees it in clear.
func TestAClientThatCompressesUnaskedIsUnderstood(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	c, err := gomysqlclient.ConnectWithContext(t.Context(), addr, "native_u", "secret", "crm", 0, func(c *gomysqlclient.Conn) error {
		return c.SetCapability(gomysql.CLIENT_COMPRESS)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, n := range []int{1, 40, 70_000, 5 << 20} {
		text := strings.Repeat("compressible ", n/13+1)[:n]
		r, err := c.Execute("select '" + text + "' as t") // as text: MariaDB numbers prepared statements on in the session that takes this thread
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got, _ := r.GetString(0, 0); got != text {
			t.Errorf("%d bytes came back as %d", n, len(got))
		}
		if _, err := c.Execute("select nosuch"); err == nil || !strings.Contains(err.Error(), "1054") {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// A client that says it compresses, and does not, is read as it is.
func TestCompressionIsKnownByWhatAClientSends(t *testing.T) {
	long := "select '" + strings.Repeat("x^", 4000) + "'"
	for _, tc := range []struct {
		name string
		sent []byte
		want []byte
	}{
		{"ping", appendPacket(nil, 0, []byte{gomysql.COM_PING}), appendPacket(nil, 0, []byte{gomysql.COM_PING})},
		{"query", appendPacket(nil, 0, []byte("\x03"+long)), appendPacket(nil, 0, []byte("\x03"+long))},
		{"a query that begins as zlib does", appendPacket(nil, 0, []byte("\x03@@x^ is no SQL")), appendPacket(nil, 0, []byte("\x03@@x^ is no SQL"))},
		{"stored", squeezed(t, false, "\x0e"), appendPacket(nil, 0, []byte{gomysql.COM_PING})},
		{"deflated", squeezed(t, true, "\x03"+long), appendPacket(nil, 0, []byte("\x03"+long))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := net.Pipe()
			defer a.Close()
			go func() {
				_, _ = b.Write(tc.sent)
				b.Close()
			}()
			got, err := io.ReadAll(newCompressedConn(a))
			if err != nil || !bytes.Equal(got, tc.want) {
				t.Errorf("read %.40q (%d bytes), %v; want %.40q", got, len(got), err, tc.want)
			}
		})
	}
}

// squeezed is a command as a client that compresses sends it.
func squeezed(t testing.TB, pack bool, payload string) []byte {
	t.Helper()
	in := appendPacket(nil, 0, []byte(payload))
	body, inflated := in, 0
	if pack {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		if _, err := w.Write(in); err != nil {
			t.Fatal(err)
		}
		w.Close()
		body, inflated = b.Bytes(), len(in)
	}
	h := []byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), 0, byte(inflated), byte(inflated >> 8), byte(inflated >> 16)}
	return append(h, body...)
}

// readerConn is a connection that only reads.
type readerConn struct {
	net.Conn
	io.Reader
}

func (c readerConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func FuzzCompressed(f *testing.F) {
	f.Add(squeezed(f, false, "\x0e"))
	f.Add(squeezed(f, true, "\x03"+strings.Repeat("select 1 ", 50)))
	f.Add(append(squeezed(f, true, "\x03"+strings.Repeat("select 1 ", 50)), squeezed(f, false, "\x0e")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, _ := io.Copy(io.Discard, io.LimitReader(newCompressedConn(readerConn{Reader: bytes.NewReader(b)}), 1<<20)); n > 1032*int64(len(b)) {
			t.Errorf("%d bytes became %d", len(b), n)
		}
	})
}
