package stub

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	comQuit  = 0x01
	comQuery = 0x03

	// The greeting's capabilities: what MySQL 4.1 and later have, connection
	// attributes and multiple results, but neither TLS nor compression, and
	// results end with EOF packets.
	capabilities = 1<<0 | 1<<3 | 1<<9 | 1<<13 | 1<<15 | 1<<16 | 1<<17 | 1<<18 | 1<<19 | 1<<20 | 1<<21

	okPayload  = "\x00\x00\x00\x02\x00\x00\x00" // autocommit, no warnings
	eofPayload = "\xfe\x00\x00\x02\x00"
)

// mysql greets, lets everybody in who answers, and answers commands until the
// client leaves.
func (s *Server) mysql(c io.ReadWriter) error {
	if _, err := c.Write(s.greeting()); err != nil {
		return err
	}
	seq, _, err := readPacket(c) // user, database and plugin are all the same to a stub
	if err != nil {
		return err
	}
	if _, err := c.Write(packet(nil, seq+1, okPayload)); err != nil {
		return err
	}
	for {
		_, command, err := readPacket(c)
		if err != nil || command[0] == comQuit {
			return err
		}
		out := packet(nil, 1, okPayload)
		if sql := command[1:]; command[0] == comQuery && len(sql) >= 6 && bytes.EqualFold(sql[:6], []byte("select")) {
			out = oneRow()
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
	}
}

// readPacket returns a packet with at least one byte.
func readPacket(c io.Reader) (seq byte, payload []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n < 1 || n > maxMessage {
		return 0, nil, fmt.Errorf("packet of %d bytes", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c, payload)
	return head[3], payload, err
}

// greeting is HandshakeV10.
func (s *Server) greeting() []byte {
	b := []byte("\x0a5.5.5-10.11.0-MariaDB-stub\x00")
	b = binary.LittleEndian.AppendUint32(b, s.next.Add(1))
	b = append(b, "12345678\x00"...)
	b = binary.LittleEndian.AppendUint16(b, capabilities&0xffff)
	b = append(b, 45, 2, 0) // utf8mb4, autocommit
	b = binary.LittleEndian.AppendUint16(b, capabilities>>16)
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	b = append(b, "123456789012\x00mysql_native_password\x00"...)
	return packet(nil, 0, string(b))
}

// oneRow is a result of one row with one integer column.
func oneRow() []byte {
	b := packet(nil, 1, "\x01")
	// catalogue, schema, table, org_table, name, org_name; character set 63
	// (binary), width 1, type LONGLONG, NOT NULL and binary flags.
	b = packet(b, 2, "\x03def\x00\x00\x00\x03one\x00\x0c\x3f\x00\x01\x00\x00\x00\x08\x81\x00\x00\x00\x00")
	b = packet(b, 3, eofPayload)
	b = packet(b, 4, "\x011")
	return packet(b, 5, eofPayload)
}

func packet(b []byte, seq byte, payload string) []byte {
	b = append(b, byte(len(payload)), byte(len(payload)>>8), byte(len(payload)>>16), seq)
	return append(b, payload...)
}
