package proxy

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// handed passes a socket on as a new process would have it.
func handed(t *testing.T, s Socket) Socket {
	t.Helper()
	f, err := s.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	return l.(Socket)
}

// Clients that vanish without a word are found, also on a socket that was opened
// by another process.
func TestAdoptedSocketsKeepTheirPropertiesAndTheirPath(t *testing.T) {
	c := Config{Name: "l", Address: "127.0.0.1:0"}
	c.SetDefaults()
	own, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	adopted, err := Adopt(handed(t, own), c)
	if err != nil {
		t.Fatal(err)
	}
	defer adopted.Close()
	for name, l := range map[string]Socket{"own": own, "adopted": adopted} {
		d, err := net.Dial("tcp", own.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		a, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		for opt, want := range map[int]int{unix.TCP_KEEPIDLE: 60, unix.TCP_KEEPINTVL: 10, unix.TCP_KEEPCNT: 6} {
			if err := control(a.(*net.TCPConn), func(fd int) error {
				got, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, opt)
				if err == nil && got != want {
					t.Errorf("%s: option %d is %d, want %d", name, opt, got, want)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		}
	}

	c.Address = "unix:" + filepath.Join(t.TempDir(), "s")
	path := c.Address[len("unix:"):]
	if own, err = Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if adopted, err = Adopt(handed(t, own), c); err != nil {
		t.Fatal(err)
	}
	own.(*unixListener).Keep()
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the path went with the process that kept it: %v", err)
	}
	if adopted.Addr().String() != path {
		t.Errorf("it listens at %s, want %s", adopted.Addr(), path)
	}
	if err := adopted.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the path is left behind: %v", err)
	}
	if _, err := Adopt(nil, Config{Name: "l", Address: "127.0.0.1:1"}); err == nil {
		t.Error("a socket of another kind is adopted")
	}
}
