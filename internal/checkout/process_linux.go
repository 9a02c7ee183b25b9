package checkout

import "syscall"

// attributes make the child the leader of its own process group, and the kernel kill it when Bellwether is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
