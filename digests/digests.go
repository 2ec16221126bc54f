// Package digests writes and reads a file with which a responder can ask whether
// a value that was found somewhere is a planted one, without the registry.
package digests

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"honeyrow/token"
)

// Schema is the first line of a digest file. After it come one line of
// JSON (Header), the sealed stories, an index and its place:
//
//	honeyrow.digests/1\n
//	{"created":...}\n
//	story ...                          nonce, AES-256-GCM of deflated JSON
//	index: id (16 bytes), offset, length (8 and 4 bytes, big endian), sorted
//	offset of the index, entries (8 bytes each, big endian)
//
// An id is HMAC-SHA-256 of the value under the file's key, cut to 16 bytes; the
// key of a story is another HMAC of the value. So the file tells how many values
// there are and nothing else; with its key one can ask whether a value is one of
// them, and only who asks for the right one gets to read its story.
const Schema = "honeyrow.digests/1"

// Header says what a digest file was made of.
type Header struct {
	Created time.Time `json:"created"`
	By      string    `json:"by"`
	Note    string    `json:"note,omitempty"`
}

// Key is the secret of one digest file. It prints as stars.
type Key struct{ b [32]byte }

// String implements fmt.Stringer without giving the key away.
func (Key) String() string { return "********" }

// NewKey returns a fresh random key.
func NewKey() Key {
	var k Key
	rand.Read(k.b[:]) // never fails (crypto/rand)
	return k
}

// Reveal returns the key's 64 hexadecimal digits, for its file.
func (k Key) Reveal() string { return hex.EncodeToString(k.b[:]) }

// ParseKey reads what Reveal wrote. Errors never show the text.
func ParseKey(text string) (Key, error) {
	var k Key
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(k.b) {
		return Key{}, errors.New("the key of a digest file is 64 hexadecimal digits: take the file that was written beside it")
	}
	copy(k.b[:], b)
	return k, nil
}

func (k Key) sum(purpose, value string) []byte {
	h := hmac.New(sha256.New, k.b[:])
	h.Write([]byte(purpose + "\x00" + value))
	return h.Sum(nil)
}

func (k Key) seal(value string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.sum("story", value))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

const entrySize = 16 + 8 + 4

// Writer writes a digest file.
type Writer struct {
	w     *bufio.Writer
	key   Key
	at    uint64
	index []byte
	zip   *flate.Writer
	buf   bytes.Buffer
}

// NewWriter begins a digest file.
func NewWriter(w io.Writer, key Key, h Header) (*Writer, error) {
	zip, err := flate.NewWriterDict(nil, flate.BestSpeed, storyWords)
	if err != nil {
		return nil, err
	}
	d := &Writer{w: bufio.NewWriterSize(w, 1<<16), key: key, zip: zip}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return d, d.write(append(append([]byte(Schema+"\n"), line...), '\n'))
}

// storyWords are what all stories hold, so that short ones deflate well.
var storyWords = []byte(`"found":"intact","first_seen":"2026-","last_seen":"2026-","note":"","watched_until":"2026-","uses":0,"among":` +
	`{"id":"019","row":"019","kind":"person_name","kind":"email","strength":"weak","strength":"firm","strength":"strong","is_key":true,` +
	`"place":{"server":"main","database":"","schema":"public","table":"","column":"","key":""},"table_oid":,"attr":,"among":,"deployment":"019` +
	`","planted_by":"","planted_at":"2026-","state":"retired","state":"live","changed_at":"2026-","row_number":,"deployment_number":,"verified_at":"2026-","found":"intact","reads":0,"uses":0}`)

func (d *Writer) write(b []byte) error {
	d.at += uint64(len(b))
	_, err := d.w.Write(b)
	return err
}

// Add files a token's life under its value. The story does not hold the value.
func (d *Writer) Add(l *token.Life) error {
	story := *l
	story.Value, story.Binary = "", nil
	d.buf.Reset()
	d.zip.Reset(&d.buf)
	if err := json.NewEncoder(d.zip).Encode(&story); err != nil {
		return err
	}
	if err := d.zip.Close(); err != nil {
		return err
	}
	aead, err := d.key.seal(l.Value)
	if err != nil {
		return err
	}
	sealed := aead.Seal(nil, nil, d.buf.Bytes(), nil)
	d.index = append(d.index, d.key.sum("id", l.Value)[:16]...)
	d.index = binary.BigEndian.AppendUint64(d.index, d.at)
	d.index = binary.BigEndian.AppendUint32(d.index, uint32(len(sealed)))
	return d.write(sealed)
}

// Close writes the index. It returns how many tokens the file holds.
func (d *Writer) Close() (int, error) {
	n := len(d.index) / entrySize
	sort.Sort(byID(d.index))
	at := d.at
	if err := d.write(d.index); err != nil {
		return n, err
	}
	tail := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, at), uint64(n))
	return n, errors.Join(d.write(tail), d.w.Flush())
}

type byID []byte

func (x byID) at(i int) []byte    { return x[i*entrySize : (i+1)*entrySize] }
func (x byID) Len() int           { return len(x) / entrySize }
func (x byID) Less(i, j int) bool { return bytes.Compare(x.at(i), x.at(j)) < 0 }
func (x byID) Swap(i, j int) {
	var keep [entrySize]byte
	copy(keep[:], x.at(i))
	copy(x.at(i), x.at(j))
	copy(x.at(j), keep[:])
}

// File is an open digest file.
type File struct {
	Header Header
	r      io.ReaderAt
	key    Key
	at     int64 // of the index
	n      int
}

// ErrNoFile says that a file is no digest file, or a damaged one.
var ErrNoFile = errors.New("it is no digest file, or a damaged one: write one with `honeyrow tokens digests`")

// Open reads the frame of a digest file of size bytes. The caller keeps r
// open while it is used.
func Open(r io.ReaderAt, size int64, key Key) (*File, error) {
	head := bufio.NewReader(io.NewSectionReader(r, 0, min(size, 1<<16)))
	line, err := head.ReadString('\n')
	if err != nil || line != Schema+"\n" {
		return nil, ErrNoFile
	}
	d := &File{r: r, key: key}
	text, err := head.ReadBytes('\n')
	if err != nil || json.Unmarshal(text, &d.Header) != nil {
		return nil, ErrNoFile
	}
	var tail [16]byte
	if _, err := r.ReadAt(tail[:], size-16); err != nil {
		return nil, ErrNoFile
	}
	at, n := binary.BigEndian.Uint64(tail[:]), binary.BigEndian.Uint64(tail[8:])
	if n > uint64(size) || at > uint64(size) || at+n*entrySize+16 != uint64(size) {
		return nil, ErrNoFile
	}
	d.at, d.n = int64(at), int(n)
	return d, nil
}

// Len returns how many tokens the file holds.
func (d *File) Len() int { return d.n }

// Lookup returns the lives of the tokens whose value is exactly one of values,
// as they were when the file was made: at most limit of them (0: all), those first
// that prove most, and how many there are.
func (d *File) Lookup(limit int, values ...string) (out []token.Life, all int, err error) {
	var e [entrySize]byte
	for _, v := range values {
		id := d.key.sum("id", v)[:16]
		i := sort.Search(d.n, func(i int) bool {
			if err == nil {
				_, err = d.r.ReadAt(e[:], d.at+int64(i)*entrySize)
			}
			return err != nil || bytes.Compare(e[:16], id) >= 0
		})
		for ; err == nil && i < d.n; i++ {
			if _, err = d.r.ReadAt(e[:], d.at+int64(i)*entrySize); err != nil || !bytes.Equal(e[:16], id) {
				break
			}
			all++
			var l token.Life
			if l, err = d.story(v, int64(binary.BigEndian.Uint64(e[16:])), int(binary.BigEndian.Uint32(e[24:]))); err == nil {
				out = append(out, l)
			}
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read digest file: %w", err)
		}
	}
	slices.SortStableFunc(out, func(a, b token.Life) int { return cmp.Compare(b.Strength, a.Strength) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, all, nil
}

func (d *File) story(value string, at int64, n int) (l token.Life, err error) {
	if at < 0 || n > 1<<20 || at+int64(n) > d.at {
		return l, ErrNoFile
	}
	sealed := make([]byte, n)
	if _, err := d.r.ReadAt(sealed, at); err != nil {
		return l, err
	}
	aead, err := d.key.seal(value)
	if err != nil {
		return l, err
	}
	plain, err := aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return l, ErrNoFile
	}
	err = json.NewDecoder(io.LimitReader(flate.NewReaderDict(bytes.NewReader(plain), storyWords), 1<<20)).Decode(&l)
	return l, err
}
