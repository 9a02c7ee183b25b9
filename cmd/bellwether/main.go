// Command bellwether load-tests every change and tells its team whether it made the system slower.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"bellwether/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(app.Run(ctx, app.Process{Args: os.Args[1:], Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv}))
}
