package match

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// maxInflated bounds what is read out of one compressed value.
const maxInflated = 4 << 10

// maxUnpacked bounds it where the statement says that it compresses.
const maxUnpacked = 1 << 20

// inflater is kept in a pool: a decompressor has 40 KiB.
type inflater struct {
	in  bytes.Reader
	z   io.ReadCloser
	out [maxInflated]byte
}

var inflaters = sync.Pool{New: func() any {
	f := new(inflater)
	f.z = flate.NewReader(&f.in)
	return f
}}

// compressed looks into zlib streams (RFC 1950) with the header that zlib's
// default level writes, as in MySQL's COMPRESS(). Its second byte, 0x9c, stands
// in no ASCII text.
func (x *Index) compressed(b []byte, seen func(Sight) bool) bool {
	for p := 0; ; {
		k := bytes.IndexByte(b[p:], 0x9c)
		if k < 0 {
			return true
		}
		at := p + k - 1
		p += k + 1
		if at >= 0 && b[at] == 0x78 && !x.inflate(b, at, seen) {
			return false
		}
	}
}

// Unpack is for results of statements that name a function that compresses: it
// looks into all of the first zlib stream of b, whatever its level, a mebibyte at
// most, and reports whether it went to the end. A Sight is all of b.
func (x *Index) Unpack(b []byte, seen func(Sight) bool) bool {
	if x.clear || len(x.parts.table) == 0 {
		return true
	}
	at := 0 // behind the length that COMPRESS() writes, or at once
	for ; at < len(b) && at <= 4 && !zlibHeader(b[at:]); at++ {
	}
	if at > 4 || at+2 >= len(b) {
		return true
	}
	f := inflaters.Get().(*inflater)
	defer inflaters.Put(f)
	f.in.Reset(b[at+2:])
	defer f.in.Reset(nil)
	if f.z.(flate.Resetter).Reset(&f.in, nil) != nil {
		return true
	}
	n, fresh := 0, 0
	for total := 0; total < maxUnpacked; {
		k, err := f.z.Read(f.out[n:])
		n, total = n+k, total+k
		if err == nil && n < len(f.out) {
			continue
		}
		if !x.bare(f.out[:n], fresh, func(v Value, apart bool) bool { return seen(Sight{v, 0, len(b), Zlib, apart}) }) {
			return false
		}
		if err != nil {
			return true
		}
		n = copy(f.out[:], f.out[n-overlap:n])
		fresh = n
	}
	return true
}

// zlibHeader reports whether b begins as a zlib stream of 32 KiB windows does.
func zlibHeader(b []byte) bool {
	return len(b) >= 2 && b[0] == 0x78 && (int(b[0])<<8|int(b[1]))%31 == 0
}

func (x *Index) inflate(b []byte, at int, seen func(Sight) bool) bool {
	f := inflaters.Get().(*inflater)
	defer inflaters.Put(f)
	f.in.Reset(b[at+2:])
	defer f.in.Reset(nil)
	if f.z.(flate.Resetter).Reset(&f.in, nil) != nil {
		return true
	}
	n := 0
	for n < len(f.out) {
		k, err := f.z.Read(f.out[n:])
		n += k
		if err != nil {
			break
		}
	}
	end := len(b) - f.in.Len()
	for g := x.Find(f.out[:n]); ; {
		v, _, ok := g.Next()
		if !ok {
			return true
		}
		if x.vals[v].flags&veiled != 0 && !seen(Sight{v, at, end, Zlib, true}) {
			return false
		}
	}
}
