package sqlite

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"syscall"

	"honeyrow/alert"
)

var _ alert.Leaser = (*Store)(nil)

// Lease implements alert.Leaser with flock(2) on a file beside the database:
// the kernel gives it up when the process dies, however it dies.
func (s *Store) Lease(sink string) (release func(), ok bool, err error) {
	h := fnv.New64a()
	h.Write([]byte(sink))
	f, err := os.OpenFile(fmt.Sprintf("%s-sink-%016x", s.path, h.Sum64()), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lease sink %s: %w: let the user who runs honeyrow write the folder", sink, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, false, nil
		}
		return nil, false, fmt.Errorf("lease sink %s: %w", sink, err)
	}
	return func() { f.Close() }, true, nil
}
