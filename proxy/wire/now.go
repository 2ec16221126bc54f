//go:build !linux || race

package wire

import "syscall"

// readNow reads from a socket that does not block. See now_linux.go.
func readNow(fd uintptr, b []byte) (int, error) { return syscall.Read(int(fd), b) }

// writeNow writes to a socket that does not block.
func writeNow(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
