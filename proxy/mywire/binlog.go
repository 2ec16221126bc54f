package mywire

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"honeyrow/event"
	"honeyrow/inspect"
)

// Types of binary log events that hide their content: MariaDB's with
// log_bin_compress (its log_event.h), and MySQL's with
// binlog_transaction_compression (its binlog_event.h).
const (
	eventTransactionPayload = 40
	eventQueryCompressed    = 165
	eventRowsCompressedV1   = 166 // write, update, delete
	eventRowsCompressed     = 169 // the same
	eventRowsCompressedEnd  = 171
)

// Fields of MySQL's payload event, and how it is compressed.
const (
	payloadSize  = 1
	payloadKind  = 2
	payloadZstd  = 0
	payloadPlain = 255
)

// eventHeader is the length in bytes of the header that all events have: time,
// type, server id, length, next position, flags.
const eventHeader = 19

// Bounds in bytes of what is unpacked. Servers refuse more than 1 GiB of either
// anyway; what a proxy holds of it must stay small.
const (
	maxCompressed = 32 << 20
	maxUnpacked   = 1 << 30
	unpackPiece   = 32 << 10
)

// unpacker reads the compressed events of one binary log stream, which are
// gathered while they pass, and shows what is in them. Server's goroutine.
type unpacker struct {
	buf   []byte // the event's packets from the zero byte on
	state unpackState
	size  int  // of the event's first packet
	more  bool // another one follows

	zlib io.ReadCloser
	zstd *zstd.Decoder
	out  []byte
	// report is called with the reason the first time that an event can't be
	// inspected: a stream is never unread in silence.
	report func(reason string) event.Verdict
	told   bool
}

type unpackState uint8

const (
	unpackHead unpackState = iota // the event's header is not whole
	unpackBody                    // its content is gathered
	unpackSkip                    // it is not compressed
)

// begin starts an event whose first packet has size bytes of payload.
func (u *unpacker) begin(size int) {
	u.buf, u.state, u.size, u.more = u.buf[:0], unpackHead, size, size == maxPacket
}

// show takes the next bytes of the event; end says that they are the last.
func (u *unpacker) show(run inspect.Run, n uint64, p []byte, end bool) event.Verdict {
	if u.state == unpackSkip {
		return event.Verdict{}
	}
	u.buf = append(u.buf, p...)
	if u.state == unpackHead {
		if len(u.buf) < 3+eventHeader && !end {
			return event.Verdict{}
		}
		off := u.start()
		if off < 0 {
			u.state = unpackSkip
			return u.fail(errors.New("a packet that is no event"))
		}
		if !compressed(u.buf[off+4]) {
			u.state = unpackSkip
			return event.Verdict{}
		}
		u.buf = append(u.buf[:0], u.buf[off:]...)
		u.state = unpackBody
	}
	if len(u.buf) > maxCompressed {
		u.buf, u.state = nil, unpackSkip
		return u.fail(fmt.Errorf("a compressed event of more than %d bytes", maxCompressed))
	}
	if !end {
		return event.Verdict{}
	}
	v, err := u.unpack(run, n)
	if err != nil {
		v = worse(v, u.fail(err))
	}
	if cap(u.buf) > unpackPiece {
		u.buf = nil
	}
	return v
}

func (u *unpacker) fail(err error) event.Verdict {
	if u.told {
		return event.Verdict{}
	}
	u.told = true
	return u.report(err.Error())
}

// start returns where in buf the event begins, -1 if nowhere: behind the zero
// byte, and two more of semi-synchronous replication. The event's own length tells.
func (u *unpacker) start() int {
	for _, off := range [...]int{1, 3} {
		if len(u.buf) < off+eventHeader || off == 3 && u.buf[1] != semiSyncMagic {
			break
		}
		n := int(binary.LittleEndian.Uint32(u.buf[off+9:]))
		if n == u.size-off || u.more && n > u.size-off && n < maxUnpacked {
			return off
		}
	}
	return -1
}

func compressed(typ byte) bool {
	return typ == eventTransactionPayload || typ >= eventQueryCompressed && typ <= eventRowsCompressedEnd
}

// unpack shows the content of the event in buf.
func (u *unpacker) unpack(run inspect.Run, n uint64) (event.Verdict, error) {
	typ, b := u.buf[4], u.buf[eventHeader:]
	var r io.Reader
	var err error
	if typ == eventTransactionPayload {
		r, err = u.payload(b)
	} else {
		r, err = u.record(typ, b)
	}
	if err != nil {
		return event.Verdict{}, err
	}
	if u.out == nil {
		u.out = make([]byte, unpackPiece)
	}
	var v event.Verdict
	for total := 0; ; {
		m, err := r.Read(u.out)
		v = worse(v, run.Stream(event.ChannelReplication, n, u.out[:m], false))
		switch total += m; {
		case total > maxUnpacked:
			return v, fmt.Errorf("an event of more than %d bytes when unpacked", maxUnpacked)
		case err == io.EOF:
			return v, nil
		case err != nil:
			return v, fmt.Errorf("a compressed event: %w", err)
		}
	}
}

// record finds the compressed part of MariaDB's events: a byte with the
// algorithm and the size of the length that follows, then the data.
func (u *unpacker) record(typ byte, b []byte) (io.Reader, error) {
	skip := func(n int) {
		if n > len(b) {
			n = len(b)
		}
		b = b[n:]
	}
	if typ == eventQueryCompressed {
		if len(b) < 13 {
			return nil, errShort
		}
		skip(13 + int(b[8]) + 1 + int(binary.LittleEndian.Uint16(b[11:]))) // names and status
	} else {
		skip(8) // table id, flags
		update := typ == eventRowsCompressedV1+1 || typ == eventRowsCompressed+1
		if typ >= eventRowsCompressed {
			if len(b) < 2 {
				return nil, errShort
			}
			skip(int(binary.LittleEndian.Uint16(b))) // extra data, its own length included
		}
		width, _, rest, err := lenenc(b)
		if err != nil || width > 1<<16 {
			return nil, errShort
		}
		b = rest
		bitmap := (int(width) + 7) / 8
		if update {
			bitmap *= 2
		}
		skip(bitmap)
	}
	if len(b) == 0 {
		return nil, errShort
	}
	if alg := b[0] >> 4 & 7; b[0]&0x80 == 0 || alg != 0 {
		return nil, fmt.Errorf("a compressed event of an unknown kind (0x%02x)", b[0])
	}
	skip(1 + int(b[0]&7))
	src := bytes.NewReader(b)
	if u.zlib != nil {
		return u.zlib, u.zlib.(zlib.Resetter).Reset(src, nil)
	}
	var err error
	u.zlib, err = zlib.NewReader(src)
	return u.zlib, err
}

// payload finds the transaction in MySQL's event: fields of type, length and
// value up to a zero, then the data.
func (u *unpacker) payload(b []byte) (io.Reader, error) {
	kind, size := uint64(payloadPlain), uint64(len(b))
	for {
		typ, _, rest, err := lenenc(b)
		if err != nil {
			return nil, err
		}
		if b = rest; typ == 0 {
			break
		}
		value, rest, err := lenencString(b)
		if err != nil {
			return nil, err
		}
		b = rest
		switch typ {
		case payloadSize:
			size, _, _, err = lenenc(value)
		case payloadKind:
			kind, _, _, err = lenenc(value)
		}
		if err != nil {
			return nil, err
		}
	}
	if size > uint64(len(b)) {
		return nil, errShort
	}
	b = b[:size] // a checksum may follow
	switch kind {
	case payloadPlain:
		return bytes.NewReader(nil), nil // it has been shown as it is
	case payloadZstd:
	default:
		return nil, fmt.Errorf("a transaction compressed in an unknown way (%d)", kind)
	}
	src := bytes.NewReader(b)
	if u.zstd != nil {
		return u.zstd, u.zstd.Reset(src)
	}
	var err error
	// One at a time: a session starts no goroutines.
	u.zstd, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxUnpacked))
	return u.zstd, err
}

// close frees what the decoders hold.
func (u *unpacker) close() {
	if u != nil && u.zstd != nil {
		u.zstd.Close()
	}
}
