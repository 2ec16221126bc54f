package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

const (
	bufferSize = 64 << 10
	// Codes in the place of the protocol version (PostgreSQL manual, 55.7).
	codeTLS = 80877103
	codeGSS = 80877104
	// What PostgreSQL itself accepts as a start-up packet.
	maxStartup = 10000
)

var errLength = errors.New("message length below 4")

// framing is how a protocol's messages begin.
type framing struct {
	header int // bytes
	// size is a message's length, header included.
	size func(header []byte) (int64, error)
}

// postgresFraming: type byte, length (which counts itself but not the type).
var postgresFraming = framing{5, func(b []byte) (int64, error) {
	length := binary.BigEndian.Uint32(b[1:])
	if length < 4 {
		return 0, errLength
	}
	return int64(length) + 1, nil
}}

// relayPostgres runs one session on two goroutines, one a direction.
func relayPostgres(client *net.TCPConn, address string) {
	defer client.Close()
	buf := make([]byte, bufferSize)
	startup, err := readStartup(client, buf)
	if err != nil {
		return
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	if _, err := server.Write(startup); err != nil {
		return
	}
	both(client, server, postgresFraming, buf)
}

// both pumps in both directions until the server's side ends. The client's
// direction uses buf.
func both(client, server *net.TCPConn, f framing, buf []byte) {
	go func() { // ends when either side does
		_ = pump(server, client, f, buf)
		_ = server.CloseWrite()
	}()
	_ = pump(client, server, f, make([]byte, bufferSize))
}

// readStartup returns the start-up or cancel packet, a part of buf, after
// declining TLS and GSS encryption as often as they are asked for.
func readStartup(client io.ReadWriter, buf []byte) ([]byte, error) {
	for {
		if _, err := io.ReadFull(client, buf[:8]); err != nil {
			return nil, err
		}
		n := binary.BigEndian.Uint32(buf)
		if n < 8 || n > maxStartup {
			return nil, fmt.Errorf("start-up packet of %d bytes", n)
		}
		if _, err := io.ReadFull(client, buf[8:n]); err != nil {
			return nil, err
		}
		if code := binary.BigEndian.Uint32(buf[4:]); code != codeTLS && code != codeGSS {
			return buf[:n], nil
		}
		if _, err := client.Write([]byte{'N'}); err != nil {
			return nil, err
		}
	}
}

// pump moves messages until a side ends: one read into buf, one write of all
// that is complete. An incomplete message is held back, unless it is larger
// than buf: then it is streamed.
func pump(to io.Writer, from io.Reader, f framing, buf []byte) error {
	w := walker{framing: f}
	have := 0
	for {
		n, err := from.Read(buf[have:])
		if n > 0 {
			have += n
			ready, ferr := w.walk(buf[:have], len(buf))
			if ready > 0 {
				if _, werr := to.Write(buf[:ready]); werr != nil {
					return werr
				}
				have = copy(buf, buf[ready:have])
			}
			if ferr != nil {
				return ferr
			}
		}
		if err != nil {
			return err
		}
	}
}

// walker knows how far the message that is being streamed still reaches.
type walker struct {
	framing
	rest int64
}

// walk returns how many bytes of b can go: all whole messages, and the start
// of one with more than limit bytes.
func (w *walker) walk(b []byte, limit int) (int, error) {
	pos := 0
	if w.rest > 0 {
		pos = int(min(w.rest, int64(len(b))))
		w.rest -= int64(pos)
	}
	for len(b)-pos >= w.header {
		total, err := w.size(b[pos:])
		if err != nil {
			return pos, err
		}
		switch left := int64(len(b) - pos); {
		case total <= left:
			pos += int(total)
		case total > int64(limit):
			w.rest = total - left
			return len(b), nil
		default:
			return pos, nil
		}
	}
	return pos, nil
}
