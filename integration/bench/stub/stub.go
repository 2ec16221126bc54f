// Package stub is a server that speaks just enough PostgreSQL or MySQL to log a
// client in without a password, answer simple queries with one row, and hold
// the session idle at next to no cost. The benchmark holds thousands of idle
// sessions against it to weigh the proxy, not the database.
package stub

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const (
	codeTLS    = 80877103
	codeGSS    = 80877104
	codeCancel = 80877102
	maxMessage = 64 << 10
)

// Server is a running stub.
type Server struct {
	l     net.Listener
	serve func(io.ReadWriter) error
	next  atomic.Uint32 // backend key or thread id
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

// Start listens on a random loopback port for clients of PostgreSQL.
func Start() (*Server, error) {
	s := &Server{}
	return s, s.listen(s.postgres)
}

// StartMySQL listens on a random loopback port for clients of MySQL.
func StartMySQL() (*Server, error) {
	s := &Server{}
	return s, s.listen(s.mysql)
}

func (s *Server) listen(serve func(io.ReadWriter) error) (err error) {
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	s.serve, s.conns = serve, map[net.Conn]struct{}{}
	s.wg.Add(1)
	go s.accept()
	return nil
}

// Addr is the stub's address.
func (s *Server) Addr() string { return s.l.Addr().String() }

// Sessions is the number of open connections.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Stop closes everything and waits for its goroutines.
func (s *Server) Stop() {
	s.l.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) accept() {
	defer s.wg.Done()
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.wg.Add(1)
		go func() { // ends with the connection
			defer s.wg.Done()
			_ = s.serve(c)
			c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		}()
	}
}

func (s *Server) postgres(c io.ReadWriter) error {
	for {
		var head [8]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		n, code := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])
		if n < 8 || n > maxMessage {
			return fmt.Errorf("start-up packet of %d bytes", n)
		}
		if _, err := io.CopyN(io.Discard, c, int64(n-8)); err != nil {
			return err
		}
		if code == codeCancel {
			return nil
		}
		if code != codeTLS && code != codeGSS {
			break
		}
		if _, err := c.Write([]byte{'N'}); err != nil {
			return err
		}
	}
	if _, err := c.Write(s.welcome()); err != nil {
		return err
	}
	return queries(c)
}

// queries answers until the client leaves.
func queries(c io.ReadWriter) error {
	for {
		var head [5]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		n := binary.BigEndian.Uint32(head[1:])
		if n < 4 || n > maxMessage {
			return fmt.Errorf("message %q of %d bytes", head[0], n)
		}
		body := make([]byte, n-4)
		if _, err := io.ReadFull(c, body); err != nil {
			return err
		}
		var out []byte
		switch head[0] {
		case 'X':
			return nil
		case 'Q':
			out = answer(body)
		case 'S':
			out = message(nil, 'Z', "I")
		default: // parts of the extended protocol: nobody in the benchmark waits for them
			continue
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
	}
}

func (s *Server) welcome() []byte {
	b := message(nil, 'R', "\x00\x00\x00\x00")
	for _, p := range [][2]string{
		{"server_version", "15.0"},
		{"server_encoding", "UTF8"},
		{"client_encoding", "UTF8"},
		{"DateStyle", "ISO, MDY"},
		{"IntervalStyle", "postgres"},
		{"TimeZone", "UTC"},
		{"integer_datetimes", "on"},
		{"standard_conforming_strings", "on"},
		{"is_superuser", "off"},
		{"session_authorization", "postgres"},
		{"application_name", ""},
	} {
		b = message(b, 'S', p[0]+"\x00"+p[1]+"\x00")
	}
	var key [8]byte
	binary.BigEndian.PutUint32(key[:], s.next.Add(1))
	b = message(b, 'K', string(key[:]))
	return message(b, 'Z', "I")
}

// answer gives a SELECT one row of one integer column and says SET to all else.
func answer(sql []byte) []byte {
	if len(sql) < 6 || !bytes.EqualFold(sql[:6], []byte("select")) {
		return message(message(nil, 'C', "SET\x00"), 'Z', "I")
	}
	b := message(nil, 'T', "\x00\x01one\x00"+"\x00\x00\x00\x00"+"\x00\x00"+"\x00\x00\x00\x17"+"\x00\x04"+"\xff\xff\xff\xff"+"\x00\x00")
	b = message(b, 'D', "\x00\x01\x00\x00\x00\x011")
	b = message(b, 'C', "SELECT 1\x00")
	return message(b, 'Z', "I")
}

func message(b []byte, kind byte, body string) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)+4))
	return append(b, body...)
}
