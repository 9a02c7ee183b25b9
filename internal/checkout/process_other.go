//go:build !linux

package checkout

import "syscall"

// attributes make the child the leader of its own process group.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
