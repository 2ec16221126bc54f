//go:build !linux

package pgsql

import (
	"os"
	"os/exec"
	"syscall"
)

// Elsewhere than on Linux a worker has no limits but the parent's clock, and
// ends when its pipe does.

func confine(int64) error { return nil }

func divert(stdout *os.File) (*os.File, error) { return stdout, nil }

func renew() error { return nil }

func program() (string, error) { return os.Executable() }

func bind(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
