package huge

import (
	"bytes"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// size is that of a huge page on amd64, and on arm64 with 4 KiB pages. With
// another one the advice is good for nothing, and does no harm.
const size = 2 << 20

// collapse is MADV_COLLAPSE (Linux 6.1): huge pages now, by copying.
const collapse = 25

// wanted: the machine's owner has not turned huge pages off.
var wanted = sync.OnceValue(func() bool {
	b, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	return err == nil && !bytes.Contains(b, []byte("[never]"))
})

// Advise asks for huge pages under s. It says nothing of whether there are any:
// with them, look-ups all over a large table are some 15 % cheaper, and nothing
// else changes (madvise(2)).
func Advise[T any](s []T) {
	if len(s) == 0 || !wanted() {
		return
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	to := from + uintptr(len(s))*unsafe.Sizeof(s[0])
	skip := -from & (size - 1)
	if from+skip+size > to {
		return
	}
	// Whole huge pages within s: what else lies beside it is left alone.
	b := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), skip)), (to-from-skip)&^(size-1))
	if unix.Madvise(b, unix.MADV_HUGEPAGE) == nil {
		_ = unix.Madvise(b, collapse) // older kernels do it by and by
	}
}
