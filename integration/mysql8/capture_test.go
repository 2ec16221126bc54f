package mysql8

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/integration/mystand"
	"honeyrow/proxy/tlsconf"
)

// packet is one packet of a capture; a nil payload is the client's turn.
type packet struct {
	seq     byte
	payload []byte
}

// capture reads a file of testdata. Its first packet is the greeting.
func capture(t *testing.T, path string) []packet {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ps []packet
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"), line == "":
		case line == ">":
			ps = append(ps, packet{})
		default:
			var p packet
			rest, ok := strings.CutPrefix(line, "< ")
			n, text, _ := strings.Cut(rest, " ")
			seq, err := strconv.ParseUint(n, 10, 8)
			payload, qerr := strconv.Unquote(text)
			if !ok || err != nil || qerr != nil {
				t.Fatalf("%s: %s", path, line)
			}
			p.seq, p.payload = byte(seq), []byte(payload)
			ps = append(ps, p)
		}
	}
	return ps
}

// captures are all greetings of real servers, by version.
func captures(t *testing.T) map[string][]packet {
	t.Helper()
	paths, err := filepath.Glob("testdata/mysql-*.txt")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d captures, %v", len(paths), err)
	}
	m := map[string][]packet{}
	for _, p := range paths {
		m[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(p), "mysql-"), ".txt")] = capture(t, p)
	}
	return m
}

func writePacket(w io.Writer, seq byte, payload []byte) error {
	h := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	h[3] = seq
	_, err := w.Write(append(h, payload...))
	return err
}

func readPacket(r io.Reader) (seq byte, payload []byte, err error) {
	var h [4]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	seq = h[3]
	h[3] = 0
	payload = make([]byte, binary.LittleEndian.Uint32(h[:]))
	_, err = io.ReadFull(r, payload)
	return seq, payload, err
}

// script plays captures to whoever connects, and keeps what clients send.
type script struct {
	ln      net.Listener
	packets []packet
	wait    sync.WaitGroup
	mu      sync.Mutex
	heard   [][]byte
}

func startScript(t *testing.T, ps []packet) *script {
	t.Helper()
	s := &script{packets: ps}
	var err error
	if s.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.wait.Go(func() {
		for {
			c, err := s.ln.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.play(c) })
		}
	})
	t.Cleanup(func() { s.ln.Close(); s.wait.Wait() })
	return s
}

func (s *script) play(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	in := bufio.NewReader(c)
	for _, p := range s.packets {
		if p.payload != nil {
			if writePacket(c, p.seq, p.payload) != nil {
				return
			}
			continue
		}
		_, b, err := readPacket(in)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.heard = append(s.heard, b)
		s.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, in)
}

// lowCaps and highCaps are where the capabilities stand in a greeting.
func capOffsets(greeting []byte) (low, high int) {
	low = bytes.IndexByte(greeting, 0) + 1 + 4 + 8 + 1
	return low, low + 5
}

func capsOf(greeting []byte) uint32 {
	low, high := capOffsets(greeting)
	return uint32(binary.LittleEndian.Uint16(greeting[low:])) | uint32(binary.LittleEndian.Uint16(greeting[high:]))<<16
}

// masked are the capabilities of MySQL that can not be inspected.
const masked = mysql.CLIENT_COMPRESS | mysql.CLIENT_OPTIONAL_RESULTSET_METADATA | mysql.CLIENT_ZSTD_COMPRESSION_ALGORITHM | 1<<29

func TestGreetingsOfRealServersLoseExactlyWhatCanNotBeInspected(t *testing.T) {
	pair := issue(t)
	f := newFront(t, honey(nil))
	want := map[string]uint32{ // as the captures have them
		"5.7.32": 0xc1ffffff, "8.0.16": 0xc3ffffff, "8.0.36": 0xdfffffff, "8.4.4": 0xdfffffff, "9.3.0": 0xdfffffff, "9.7.4": 0xdfffffff,
	}
	for version, ps := range captures(t) {
		for _, withTLS := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, TLS %v", version, withTLS), func(t *testing.T) {
				s := startScript(t, ps[:1])
				g := mystand.Gate{Name: version, Address: s.ln.Addr().String(), Server: tlsconf.Server{Mode: tlsconf.Disable}}
				gone := uint32(masked | mysql.CLIENT_SSL)
				if withTLS {
					g.Client = pair.Listener(tlsconf.Allow)
					gone = masked
				}
				c, err := net.Dial("tcp", listen(t, f, g))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				seq, got, err := readPacket(c)
				if err != nil || seq != 0 {
					t.Fatal(seq, err)
				}
				sent := ps[0].payload
				if capsOf(sent) != want[version] {
					t.Fatalf("the capture's capabilities are %#x", capsOf(sent))
				}
				if g := capsOf(got); g != want[version]&^gone {
					t.Errorf("capabilities %#x, want %#x", g, want[version]&^gone)
				}
				// All else is as it was, connection id and salt included.
				low, high := capOffsets(sent)
				for _, off := range []int{low, high} {
					copy(got[off:off+2], sent[off:off+2])
				}
				if !bytes.Equal(got, sent) {
					t.Errorf("the greeting became\n%q, from\n%q", got, sent)
				}
			})
		}
	}
	if b := f.Broken(); b != "" {
		t.Error(b)
	}
}

func TestASessionOfARealMySQL84IsTheSameThroughTheProxy(t *testing.T) {
	s := startScript(t, captures(t)["8.4.4"])
	f := newFront(t, mystand.Options{Tokens: honey(nil).Tokens})
	through := listen(t, f, mystand.Gate{Name: "capture", Address: s.ln.Addr().String(), Server: tlsconf.Server{Mode: tlsconf.Disable}})
	var answers []string
	for _, addr := range []string{s.ln.Addr().String(), through} {
		c, err := client.Connect(addr, "diysql", "Gaov", "gaov", func(c *client.Conn) error {
			return c.SetCapability(mysql.CLIENT_SESSION_TRACK)
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Execute("SELECT * from runoob_tbl where runoob_id=4")
		if err != nil {
			t.Fatal(err)
		}
		text := goMySQLRows(r)
		for _, field := range r.Fields {
			text += fmt.Sprintf("%s.%s.%s %d %d\n", field.Schema, field.OrgTable, field.OrgName, field.Type, field.Charset)
		}
		answers = append(answers, text)
		c.Close()
	}
	if answers[0] != answers[1] || !strings.HasPrefix(answers[0], "4 学习 Python$rway'\\ RUNOOB.COM 2016-03-06") {
		t.Errorf("directly\n%s\nthrough the proxy\n%s", answers[0], answers[1])
	}
	// The server was told the same, both times with the same salt; only the
	// order of the attributes is the client's chance.
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heard) != 4 || len(s.heard[0]) != len(s.heard[2]) || !bytes.Equal(s.heard[1], s.heard[3]) {
		t.Fatalf("the server heard %q", s.heard)
	}
	direct, _, _ := bytes.Cut(s.heard[0], []byte("caching_sha2_password"))
	proxied, _, _ := bytes.Cut(s.heard[2], []byte("caching_sha2_password"))
	if !bytes.Equal(direct, proxied) {
		t.Errorf("directly the client answered\n%q, through the proxy\n%q", direct, proxied)
	}
}
