package transcripts

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"honeyrow/integration"
)

// patience bounds one session.
const patience = 60 * time.Second

// cutting says how the client's bytes are cut into writes.
type cutting string

const (
	atOnce     cutting = "one write a turn"
	perMessage cutting = "one write a message"
	byteByByte cutting = "one write a byte"
)

// answer is a message of the server. Bodies of a megabyte and more are kept
// as their hash.
type answer struct {
	typ  string
	body []byte
	size int
}

const keep = 1 << 20

// play runs a transcript and returns the answers, turn by turn; the first are
// those of the login. More than what was asked for is an error at the end.
func play(ctx context.Context, t *transcript, at integration.End, cut cutting) ([][]answer, error) {
	c, err := connect(ctx, at)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(c, 64<<10)
	if err := startup(c, t.startup); err != nil {
		return nil, err
	}
	login, err := read(in, []string{"Z"})
	all := [][]answer{login}
	if err != nil {
		return all, fmt.Errorf("login: %w", err)
	}
	for i, turn := range t.turns {
		sent := make(chan error, 1)
		go func() { sent <- send(c, turn.send, cut) }() // answers may come before all is sent
		got, err := read(in, turn.until)
		all = append(all, got)
		if err != nil {
			return all, fmt.Errorf("turn %d: %w", i+1, err)
		}
		if err := <-sent; err != nil && !slices.Contains(turn.until, "EOF") {
			return all, fmt.Errorf("turn %d: %w", i+1, err)
		}
	}
	return all, nil
}

func connect(ctx context.Context, at integration.End) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", at.Addr())
	if err != nil || at.SSLMode == "disable" {
		return c, err
	}
	var yes [1]byte
	if _, err = c.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err == nil { // SSLRequest
		_, err = io.ReadFull(c, yes[:])
	}
	if err != nil || yes[0] != 'S' {
		c.Close()
		return nil, fmt.Errorf("TLS refused (%q): %w", yes[:], err)
	}
	return tls.Client(c, &tls.Config{InsecureSkipVerify: true}), nil // the certificate is not what is tested
}

func startup(c net.Conn, params [][2]string) error {
	b := []byte{0, 0, 0, 0, 0, 3, 0, 0}
	params = append([][2]string{{"user", "postgres"}, {"database", "app"}, {"client_encoding", "UTF8"}}, params...)
	for _, p := range params {
		b = append(append(append(append(b, p[0]...), 0), p[1]...), 0)
	}
	b = append(b, 0)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	_, err := c.Write(b)
	return err
}

func send(c net.Conn, messages [][]byte, cut cutting) error {
	var pending []byte
	flush := func() error {
		defer func() { pending = nil }()
		if cut == byteByByte && len(pending) < 10_000 {
			for i := range pending {
				if _, err := c.Write(pending[i : i+1]); err != nil {
					return err
				}
			}
			return nil
		}
		_, err := c.Write(pending)
		return err
	}
	for _, m := range messages {
		pending = append(pending, m...)
		if m != nil && cut == atOnce {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		if m == nil {
			return c.(interface{ CloseWrite() error }).CloseWrite()
		}
	}
	return flush()
}

// read collects messages until those of the given types have come, in order.
func read(in *bufio.Reader, until []string) ([]answer, error) {
	var got []answer
	for len(until) > 0 {
		a, err := readOne(in)
		if err != nil {
			if until[0] == "EOF" && (errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset")) {
				return append(got, answer{typ: "EOF"}), nil
			}
			return got, err
		}
		got = append(got, a)
		if a.typ == until[0] {
			until = until[1:]
		}
	}
	return got, nil
}

func readOne(in *bufio.Reader) (answer, error) {
	var h [5]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return answer{}, err
	}
	a := answer{typ: string(h[:1]), size: int(binary.BigEndian.Uint32(h[1:])) - 4}
	if a.size < 0 {
		return a, fmt.Errorf("message %q of %d bytes", a.typ, a.size)
	}
	if a.size < keep {
		a.body = make([]byte, a.size)
		_, err := io.ReadFull(in, a.body)
		return a, err
	}
	h256 := sha256.New()
	if _, err := io.CopyN(h256, in, int64(a.size)); err != nil {
		return a, err
	}
	a.body = h256.Sum(nil)
	return a, nil
}

// normal takes out what differs from one session to the next.
func (a answer) normal() answer {
	switch a.typ {
	case "K":
		a.body = nil
	case "E", "N": // the session's own schema of temporary tables
		a.body = tempSchema.ReplaceAll(a.body, []byte("pg_temp_N"))
		if a.size < keep {
			a.size = len(a.body)
		}
	case "A": // process id
		a.body = append(make([]byte, 4), a.body[4:]...)
	case "T":
		a.body = slices.Clone(a.body)
		off := 2
		for range binary.BigEndian.Uint16(a.body) {
			off += bytes.IndexByte(a.body[off:], 0) + 1
			if binary.BigEndian.Uint32(a.body[off:]) >= firstUserOID {
				binary.BigEndian.PutUint32(a.body[off:], firstUserOID)
			}
			off += 18
		}
	}
	return a
}

var tempSchema = regexp.MustCompile(`pg_temp_[0-9]+`)

// firstUserOID is the first number of an object that is not PostgreSQL's own.
const firstUserOID = 16384
