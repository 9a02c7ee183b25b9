package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"bellwether/internal/catalog"
	"bellwether/internal/config"
	"bellwether/internal/strictyaml"
)

// How long an HTTP client may take, and how long a stop may.
const (
	readHeader = 10 * time.Second
	readBody   = 30 * time.Second
	idle       = 2 * time.Minute
	goodbye    = 10 * time.Second
)

type serveCommand struct {
	configFlag
	LogLevel slog.Level `default:"info" help:"debug, info, warn or error."`
}

func (c *serveCommand) Run(ctx context.Context, p Process) error {
	if err := protect(); err != nil {
		return err
	}
	settings, problems := config.Load(c.Config, p.Env)
	log := newLog(p.Err, c.LogLevel, config.Redactor(settings.Secrets()...))
	if strictyaml.Refused(problems) {
		return refused(p, problems)
	}
	source, more := catalog.Open(settings.Catalog, p.Env, log)
	if strictyaml.Refused(more) {
		return refused(p, more)
	}
	for _, problem := range slices.Concat(problems, more, unheard(settings, source.Current())) {
		log.Warn("catalog problem", "problem", problem.String())
	}
	s, err := newServer(ctx, settings, source, log, p.Now)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx)
}

func refused(p Process, problems []strictyaml.Problem) error {
	for _, problem := range problems {
		fmt.Fprintln(p.Err, problem)
	}
	return exit(exitFailed)
}

// run serves until ctx ends, then lets what is under way come to its next checkpoint.
func (s *server) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.lanes.Drain(ctx, environmentLanes, s.workRun) })
	group.Go(func() error { return s.lanes.Drain(ctx, "channel/", s.deliver) })
	group.Go(func() error { return s.lanes.Drain(ctx, "timer/", s.tick) })
	if s.completions != nil {
		group.Go(func() error { return s.lanes.Drain(ctx, publishLanes, s.completions.publish) })
	}
	group.Go(func() error { s.clock.Follow(ctx); return nil })
	group.Go(func() error { s.catalog.Watch(ctx); return nil })
	if s.queue != nil {
		group.Go(func() error { s.queue.Receive(ctx); return nil })
	}
	if s.slack != nil && s.settings.Chat.Slack.AppToken != "" {
		group.Go(func() error { return s.slack.Socket(ctx, s.desk) })
	}
	group.Go(func() error { return s.listen(ctx, s.settings.HTTP.Listen, s.handler()) })
	if s.settings.HTTP.Admin != "" {
		group.Go(func() error { return s.listen(ctx, s.settings.HTTP.Admin, s.admin()) })
	}
	err := group.Wait()
	if s.slack != nil {
		s.slack.Wait()
	}
	if s.teams != nil {
		s.teams.Wait()
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *server) listen(ctx context.Context, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeader, ReadTimeout: readBody, IdleTimeout: idle,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.log.Info("listening", "address", listener.Addr().String())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve on %s: %w", address, err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	return server.Shutdown(ending)
}
