package pgsql

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The pipe's frames, both ways: four bytes with the length of what follows, four
// with the request's number, then, in a reply only, one with its status, and the
// body. Numbers are little-endian. The worker's first frame is a hello of
// number 0; then each request has one reply, in order.
const (
	headSize = 8
	hello    = "honeyrow parser 1"
)

// A reply's status.
const (
	replyHello    byte = 'H'
	replyTrees    byte = 'T' // body: the trees, as appendTrees writes them
	replySyntax   byte = 'S' // body: uvarint of the place, counted in characters from 1, 0 unknown; the message
	replyLimit    byte = 'L' // body: the message
	replyEncoding byte = 'E'
)

// appendHead appends a frame's head for a body of n bytes.
func appendHead(b []byte, id uint32, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(n)+4)
	return binary.LittleEndian.AppendUint32(b, id)
}

// readFrame reads one frame with a body of at most limit bytes into buf, which
// it grows as needed and returns. Nothing is allocated before the length is
// known to be within the limit.
func readFrame(r io.Reader, buf []byte, limit int) (id uint32, body, grown []byte, err error) {
	var head [headSize]byte
	if cap(buf) < headSize {
		buf = make([]byte, 0, 4<<10)
	}
	copyHead := buf[:headSize] // not head itself: it would escape through the interface
	if _, err := io.ReadFull(r, copyHead); err != nil {
		return 0, nil, buf, err
	}
	copy(head[:], copyHead)
	n := int64(binary.LittleEndian.Uint32(head[:4])) - 4
	id = binary.LittleEndian.Uint32(head[4:])
	if n < 0 || n > int64(limit) {
		return 0, nil, buf, fmt.Errorf("a frame of %d bytes, of at most %d", n+4, limit)
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, 0, n)
	}
	body = buf[:n]
	if _, err := io.ReadFull(r, body); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, buf, err
	}
	return id, body, buf, nil
}
