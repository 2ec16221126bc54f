package match

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// maxInflated bounds what is read out of one compressed value.
const maxInflated = 4 << 10

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
