package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

const (
	packetHeader = 4 // 3 bytes of length, the sequence id
	// The largest greeting that makes sense: the server's version is the only
	// part without a bound.
	maxGreeting = 4 << 10
	// Capabilities that would hide the session from a relay.
	capCompress = 1 << 5
	capTLS      = 1 << 11
	capZstd     = 1 << 26
)

// mysqlFraming: the length does not count the header. A payload over 16 MiB is
// several packets, which need not stay together.
var mysqlFraming = framing{packetHeader, func(b []byte) (int64, error) { return packetHeader + packetSize(b), nil }}

func packetSize(b []byte) int64 { return int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 }

// relayMySQL runs one session on two goroutines, one a direction. The server
// speaks first; what it offers is cut down to what a relay can follow.
func relayMySQL(client *net.TCPConn, address string) {
	defer client.Close()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	buf := make([]byte, bufferSize)
	greeting, err := readGreeting(server, buf)
	if err != nil {
		return
	}
	if _, err := client.Write(greeting); err != nil {
		return
	}
	both(client, server, mysqlFraming, buf)
}

// readGreeting returns the server's first packet, a part of buf, with
// encryption and compression taken out of its capabilities. An error packet,
// such as "too many connections", is returned as it is.
func readGreeting(server io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(server, buf[:packetHeader]); err != nil {
		return nil, err
	}
	n := packetSize(buf)
	if n < 1 || n > maxGreeting {
		return nil, errors.New("the server does not greet as MySQL does")
	}
	packet := buf[:packetHeader+n]
	payload := packet[packetHeader:]
	if _, err := io.ReadFull(server, payload); err != nil {
		return nil, err
	}
	if payload[0] != 10 {
		return packet, nil
	}
	// Version, NUL, thread (4), salt (8), filler, capabilities (2), character
	// set, status (2), capabilities (2).
	_, rest, ok := bytes.Cut(payload[1:], []byte{0})
	if !ok || len(rest) < 20 {
		return nil, errors.New("the greeting is cut short")
	}
	for at, hide := range map[int]uint16{13: capCompress | capTLS, 18: capZstd >> 16} {
		binary.LittleEndian.PutUint16(rest[at:], binary.LittleEndian.Uint16(rest[at:])&^hide)
	}
	return packet, nil
}
