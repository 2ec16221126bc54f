package replay

import (
	"io"
	"net"
	"testing"
)

func TestKeptBytesComeFirstAndCanBeTaken(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	go func() {
		_, _ = io.WriteString(a, " and sent")
		a.Close()
	}()
	if got := New(b, nil); got != b {
		t.Error("a connection without kept bytes is wrapped")
	}
	c := New(New(b, []byte("er")), []byte("kept lat"))
	p := make([]byte, 5)
	if n, err := c.Read(p); string(p[:n]) != "kept " || err != nil {
		t.Errorf("read %q, %v", p[:n], err)
	}
	inner, rest := Take(c)
	if inner != b || string(rest) != "later" {
		t.Errorf("took %v with %q", inner, rest)
	}
	if got, err := io.ReadAll(inner); string(got) != " and sent" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if again, none := Take(inner); again != b || none != nil {
		t.Errorf("took %v with %q from a plain connection", again, none)
	}
}
