package app

import (
	"fmt"
	"syscall"
)

// protect keeps this process's memory and environment, which hold secrets, from the commands, Terraform and providers that
// run as the same user: Linux shows what is in /proc to nobody but root then, lets no debugger in and writes no core. What
// is started afterwards is not protected, nor is it harmed.
func protect() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("keep others from reading this process: %w", errno)
	}
	return nil
}
