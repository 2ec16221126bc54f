package wire

import (
	"io"
	"testing"
)

func TestRepliesGoBackToTheSideThatSpoke(t *testing.T) {
	p := startPair(t, &plain{chunk: func(from Side, buf []byte) (Step, error) {
		if buf[0] == '?' {
			return Step{Skip: 1, Reply: []byte("from the proxy to the " + from.String())}, nil
		}
		return Step{Pass: len(buf)}, nil
	}})
	for _, c := range []struct {
		conn io.ReadWriter
		want string
	}{{p.client, "from the proxy to the client"}, {p.server, "from the proxy to the server"}} {
		if _, err := c.conn.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(c.want))
		if _, err := io.ReadFull(c.conn, got); err != nil || string(got) != c.want {
			t.Errorf("got %q, %v; want %q", got, err, c.want)
		}
	}
	// What else is said still reaches the other side.
	if _, err := p.server.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := io.ReadFull(p.client, b[:]); err != nil || b[0] != 'x' {
		t.Errorf("%q, %v", b, err)
	}
}
