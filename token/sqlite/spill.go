package sqlite

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
)

var _ alert.Spill = (*Spill)(nil)

const (
	spillGroup = 256      // detections handed over at once
	spillMax   = 64 << 20 // bytes of one record: what is longer is no record
	aboutSpill = "spilled detection"
	// spillMark begins a record. No length begins so.
	spillMark = "HoneySpl"
)

// Spill is a file of detections that could not be committed, mode 0600. Each is a
// record of its own, sealed with the registry's key: spillMark (none in files of
// before it), its length in four bytes, most significant first, then that many
// bytes. Processes that share it lock it (flock) while they are at it.
type Spill struct {
	path string
	box  *box

	mu sync.Mutex // held while the file is written or emptied

	count sync.Mutex
	seen  os.FileInfo // as it was counted last
	n     int
}

// Spill returns the spill at path; empty: beside the database. It opens nothing.
func (s *Store) Spill(path string) *Spill {
	if path == "" {
		path = s.path + "-spill"
	}
	return &Spill{path: path, box: s.box}
}

// Path implements alert.Spill.
func (p *Spill) Path() string { return p.path }

// Keep implements alert.Spill. It writes behind all that is there, whole or not:
// read finds its way.
func (p *Spill) Keep(ds []event.Detection) (err error) {
	var b []byte
	for i := range ds {
		body, err := json.Marshal(&ds[i])
		if err != nil {
			return fmt.Errorf("spill detection %s: %w", ds[i].ID, err)
		}
		sealed := p.box.seal(aboutSpill, body)
		if len(sealed) > spillMax {
			return fmt.Errorf("spill detection %s: it has %d bytes, of at most %d", ds[i].ID, len(sealed), spillMax)
		}
		b = append(binary.BigEndian.AppendUint32(append(b, spillMark...), uint32(len(sealed))), sealed...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := p.open(os.O_RDWR | os.O_CREATE)
	if err != nil {
		return p.explain(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return p.explain(err)
	}
	end := st.Size()
	if _, err = f.WriteAt(b, end); err == nil {
		err = f.Sync()
	}
	if err == nil && end == 0 {
		err = syncDir(filepath.Dir(p.path))
	}
	if err != nil {
		return errors.Join(p.explain(err), f.Truncate(end))
	}
	return nil
}

func (p *Spill) explain(err error) error {
	return fmt.Errorf("keep detections in %s: %w: let the user who runs honeyrow write there, or set alerts.spill_path to a file on another file system", p.path, err)
}

// open opens the file and locks it until it is closed.
func (p *Spill) open(flag int) (*os.File, error) {
	f, err := os.OpenFile(p.path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// read shows what each record holds to do (nil: nobody), which tells whether it opens,
// and returns how many do, how many do not, and how many bytes are of none. Behind
// what does not open it looks for the next mark: a write that a crash cut short, a
// damaged length, costs what it hit and no more.
func (p *Spill) read(f *os.File, do func(sealed []byte) (opens bool, err error)) (n, bad int, stray int64, err error) {
	st, err := f.Stat()
	if err != nil {
		return 0, 0, 0, err
	}
	size := st.Size()
	for off := int64(0); off < size; {
		sealed, next, err := record(f, off, size)
		if err != nil {
			return n, bad, stray, err
		}
		opens := sealed != nil
		if opens && do != nil {
			if opens, err = do(sealed); err != nil {
				return n, bad, stray, err
			}
		}
		if opens {
			n++
			off = next
			continue
		}
		if next, err = mark(f, off+1, size); err != nil {
			return n, bad, stray, err
		}
		if sealed != nil {
			bad++
		} else {
			stray += next - off
		}
		off = next
	}
	return n, bad, stray, nil
}

// record reads the record at off, nil if none can stand there, and where the next one
// begins.
func record(f *os.File, off, size int64) (sealed []byte, next int64, err error) {
	head := make([]byte, min(int64(len(spillMark)+4), size-off))
	if _, err := f.ReadAt(head, off); err != nil {
		return nil, 0, err
	}
	if bytes.HasPrefix(head, []byte(spillMark)) {
		off += int64(len(spillMark))
		head = head[len(spillMark):]
	}
	if len(head) < 4 {
		return nil, 0, nil
	}
	off += 4
	n := int64(binary.BigEndian.Uint32(head))
	if n == 0 || n > spillMax || n > size-off {
		return nil, 0, nil
	}
	sealed = make([]byte, n)
	_, err = f.ReadAt(sealed, off)
	return sealed, off + n, err
}

// mark returns where the next mark stands from off on, size if none does.
func mark(f *os.File, off, size int64) (int64, error) {
	b := make([]byte, 64<<10)
	for off < size {
		n, err := f.ReadAt(b[:min(int64(len(b)), size-off)], off)
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(b[:n], []byte(spillMark)); i >= 0 {
			return off + int64(i), nil
		}
		if n < len(b) {
			break
		}
		off += int64(n - len(spillMark) + 1)
	}
	return size, nil
}

// Replay implements alert.Spill. Records that do not open, of another key or
// damaged, are put aside with the whole file, whose name says when, and are part of
// the error; the others are handed over all the same.
func (p *Spill) Replay(put func(ds []event.Detection) error) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := p.open(os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, p.explain(err)
	}
	defer f.Close()
	var group []event.Detection
	hand := func() error {
		if len(group) == 0 {
			return nil
		}
		if err := put(group); err != nil {
			return err
		}
		n += len(group)
		group = nil
		return nil
	}
	_, bad, stray, err := p.read(f, func(sealed []byte) (bool, error) {
		var d event.Detection
		plain, err := p.box.open(nil, aboutSpill, sealed)
		if err == nil {
			err = json.Unmarshal(plain, &d)
		}
		if err != nil {
			return false, nil
		}
		if group = append(group, d); len(group) == spillGroup {
			return true, hand()
		}
		return true, nil
	})
	if err == nil {
		err = hand()
	}
	if err != nil {
		return n, err
	}
	if bad > 0 || stray > 0 {
		aside, err := p.putAside()
		if err != nil {
			return n, p.explain(err)
		}
		return n, &alert.SpillDamaged{Path: aside, Records: bad, Bytes: stray}
	}
	if err := f.Truncate(0); err != nil {
		return n, p.explain(err)
	}
	return n, nil
}

// putAside gives the file another name, which no file has yet.
func (p *Spill) putAside() (string, error) {
	aside := fmt.Sprintf("%s.damaged-%d", p.path, time.Now().Unix())
	for n := 2; exists(aside); n++ {
		aside = fmt.Sprintf("%s.damaged-%d-%d", p.path, time.Now().Unix(), n)
	}
	return aside, os.Rename(p.path, aside)
}

// Waiting implements alert.Spill. It reads the file only if it has changed, and tells
// of one at least if there is anything: Replay finds out what.
func (p *Spill) Waiting() int {
	p.count.Lock()
	defer p.count.Unlock()
	st, err := os.Stat(p.path)
	if err != nil || st.Size() == 0 {
		p.seen, p.n = nil, 0
		return 0
	}
	if p.seen != nil && os.SameFile(st, p.seen) && st.Size() == p.seen.Size() {
		return p.n
	}
	f, err := os.Open(p.path)
	if err != nil {
		return p.n
	}
	defer f.Close()
	if n, _, _, err := p.read(f, nil); err == nil {
		p.seen, p.n = st, max(n, 1)
	}
	return p.n
}
