package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be run as bellwether itself: by the scripts of testdata/script, and by tests that copy it to
// a file named bellwether.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bellwether": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(Run(ctx, Process{Args: os.Args[1:], Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv}))
	}})
}
