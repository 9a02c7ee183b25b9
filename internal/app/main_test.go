package app

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// TestMain lets the test binary be run as bellwether itself: it is in the PATH of the tests under that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "bellwether" {
		os.Exit(withBellwether(m.Run))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Run(ctx, Process{Args: os.Args[1:], Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv}))
}

func withBellwether(run func() int) int {
	dir, err := os.MkdirTemp("", "bellwether-bin-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	executable, err := os.Executable()
	if err != nil {
		panic(err)
	}
	if err := os.Link(executable, filepath.Join(dir, "bellwether")); err != nil {
		panic(err)
	}
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return run()
}
