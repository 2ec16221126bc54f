package sqlite

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
)

// Spill is a file of detections that could not be committed, mode 0600. Each is a
// record of its own, sealed with the registry's key: its length in four bytes,
// most significant first, then that many bytes. A record that a crash cut short
// ends the file. Processes that share it lock it (flock) while they are at it.
type Spill struct {
	path string
	box  *box

	mu  sync.Mutex // held while the file is written or emptied
	end int64      // where the last whole record ended when Keep had written it

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

// Keep implements alert.Spill.
func (p *Spill) Keep(ds []event.Detection) (err error) {
	var b []byte
	for i := range ds {
		body, err := json.Marshal(&ds[i])
		if err != nil {
			return fmt.Errorf("spill detection %s: %w", ds[i].ID, err)
		}
		sealed := p.box.seal(aboutSpill, body)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(sealed))), sealed...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := p.open(os.O_RDWR | os.O_CREATE)
	if err != nil {
		return p.explain(err)
	}
	defer f.Close()
	end, err := p.tail(f)
	if err != nil {
		return p.explain(err)
	}
	if _, err = f.WriteAt(b, end); err == nil {
		if err = f.Truncate(end + int64(len(b))); err == nil {
			err = f.Sync()
		}
	}
	if err == nil && end == 0 {
		err = syncDir(filepath.Dir(p.path))
	}
	if err != nil {
		return errors.Join(p.explain(err), f.Truncate(end))
	}
	p.end = end + int64(len(b))
	return nil
}

// tail returns where the last whole record ends.
func (p *Spill) tail(f *os.File) (int64, error) {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 || st.Size() == p.end {
		return st.Size(), err
	}
	_, end, err := p.read(f, nil)
	return end, err
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

// read shows each whole record to do (nil: nobody) and returns how many there
// are, and where they end.
func (p *Spill) read(f *os.File, do func(sealed []byte) error) (n int, end int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, 0, err
	}
	r := bufio.NewReader(f)
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return n, end, whole(err)
		}
		size := binary.BigEndian.Uint32(head[:])
		if size > spillMax {
			return n, end, nil
		}
		sealed := make([]byte, size)
		if _, err := io.ReadFull(r, sealed); err != nil {
			return n, end, whole(err)
		}
		if do != nil {
			if err := do(sealed); err != nil {
				return n, end, err
			}
		}
		n++
		end += int64(len(head)) + int64(size)
	}
}

// whole takes a file that ends in the middle of a record as one that ends before.
func whole(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
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
	bad := 0
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
	_, end, err := p.read(f, func(sealed []byte) error {
		var d event.Detection
		plain, err := p.box.open(nil, aboutSpill, sealed)
		if err == nil {
			err = json.Unmarshal(plain, &d)
		}
		if err != nil {
			bad++
			return nil
		}
		if group = append(group, d); len(group) == spillGroup {
			return hand()
		}
		return nil
	})
	if err == nil {
		err = hand()
	}
	if err != nil {
		return n, err
	}
	if st, serr := f.Stat(); serr == nil && (bad > 0 || st.Size() > end) {
		aside := fmt.Sprintf("%s.damaged-%d", p.path, time.Now().Unix())
		if err := os.Rename(p.path, aside); err != nil {
			return n, p.explain(err)
		}
		return n, &alert.SpillDamaged{Path: aside, Records: bad, Bytes: st.Size() - end}
	}
	if err := f.Truncate(0); err != nil {
		return n, p.explain(err)
	}
	return n, nil
}

// Waiting implements alert.Spill. It reads the file only if it has changed.
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
	if n, _, err := p.read(f, nil); err == nil {
		p.seen, p.n = st, n
	}
	return p.n
}
