//go:build unix

package engine

import (
	"syscall"
	"time"
)

// processorTime of this process, in its own code and in the system's on its behalf; 0 when the system does not tell.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
