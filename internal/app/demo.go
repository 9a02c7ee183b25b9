package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"bellwether/internal/catalog"
	webchat "bellwether/internal/chat/web"
	"bellwether/internal/config"
	"bellwether/internal/demo"
	"bellwether/internal/strictyaml"
)

type demoCommand struct {
	Listen string `default:"127.0.0.1:8080" help:"Where the chat page is; port 0 takes a free one."`
	Once   bool   `help:"Play the story alone, then stop."`
	Out    string `placeholder:"DIR" help:"Write transcript.json and the pictures here (with --once)."`
}

// Run plays the demo: an in-process Redis, the sample shop, and the very server that serve runs.
func (c *demoCommand) Run(ctx context.Context, p Process) error {
	if c.Out != "" && !c.Once {
		return errors.New("--out DIR goes with --once")
	}
	dir, err := os.MkdirTemp("", "bellwether-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	s, params, stop, err := c.assemble(ctx, p, dir)
	if err != nil {
		return err
	}
	defer stop()
	return c.play(ctx, p, s, params)
}

// assemble starts what surrounds the server and writes its files.
func (c *demoCommand) assemble(ctx context.Context, p Process, dir string) (s *server, params demo.Params, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	redis, err := miniredis.Run()
	if err != nil {
		return nil, params, stop, fmt.Errorf("start the in-process Redis: %w", err)
	}
	stops = append(stops, redis.Close)
	shop, err := demo.Start(ctx)
	if err != nil {
		return nil, params, stop, fmt.Errorf("start the sample shop: %w", err)
	}
	stops = append(stops, func() { _ = shop.Close() }) // its servers end with the process at the latest
	if params, err = c.params(redis.Addr(), shop); err != nil {
		return nil, params, stop, err
	}
	if s, err = c.server(ctx, p, dir, params); err != nil {
		return nil, params, stop, err
	}
	stops = append(stops, s.close)
	return s, params, stop, nil
}

func (c *demoCommand) params(redis string, shop *demo.Shop) (demo.Params, error) {
	executable, err := os.Executable()
	if err != nil {
		return demo.Params{}, fmt.Errorf("find this program: %w", err)
	}
	listen, err := freePort(c.Listen)
	if err != nil {
		return demo.Params{}, err
	}
	return demo.Params{
		Executable: executable, ShopURL: shop.URL, ControlURL: shop.ControlURL, RedisURL: "redis://" + redis, Listen: listen,
		Token: uuid.NewString(),
	}, nil
}

// freePort finds out the port that an address with port 0 gets.
func freePort(address string) (string, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && !ip.IsLoopback() {
		return "", fmt.Errorf("--listen %s: the demo's page is for this machine only; write a loopback address such as 127.0.0.1:8080", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w; bin/bellwether demo --listen 127.0.0.1:0 takes a free one", address, err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// server is what serve would run with the demo's files.
func (c *demoCommand) server(ctx context.Context, p Process, dir string, params demo.Params) (*server, error) {
	path, err := demo.Files(dir, params)
	if err != nil {
		return nil, err
	}
	settings, problems := config.Load(path, p.Env)
	if strictyaml.Refused(problems) {
		return nil, refused(p, problems)
	}
	log := newLog(p.Err, slog.LevelError, config.Redactor(settings.Secrets()...)) // what a visitor needs to know is in the chat
	source, problems := catalog.Open(settings.Catalog, p.Env, log)
	if source == nil {
		return nil, refused(p, problems)
	}
	return newServer(ctx, settings, source, log, p.Now)
}

// play runs the server with the story in it.
func (c *demoCommand) play(ctx context.Context, p Process, s *server, params demo.Params) error {
	story := stage(s, params, p.Out)
	fmt.Fprintf(p.Out, "Bellwether's chat page: http://%s/\nRedis runs in this process: nothing survives a restart.\n", params.Listen)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.run(ctx) })
	group.Go(func() error {
		if !c.Once {
			prepare(ctx, p, story)
			return nil
		}
		defer cancel()
		return c.once(ctx, p, s, story)
	})
	return group.Wait()
}

// stage is the story for a server, with a panel on the chat page that sends its scenes.
func stage(s *server, params demo.Params, out io.Writer) *demo.Story {
	story := &demo.Story{
		URL: "http://" + params.Listen, Token: params.Token, Client: &http.Client{Timeout: time.Minute}, Out: out,
		NewID: uuid.NewString, Now: time.Now,
	}
	for _, scene := range story.Scenes() {
		s.room.Panel = append(s.room.Panel, webchat.Scene{Key: scene.Key, Title: scene.Title, Text: scene.Text})
	}
	s.room.Play = story.Scene
	return story
}

// prepare measures the baseline. On a machine too busy for that the page is of use all the same.
func prepare(ctx context.Context, p Process, story *demo.Story) {
	err := story.Prepare(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		fmt.Fprintf(p.Out, "bellwether: %v\nThe page works all the same, but verdicts may lack a baseline.\n", err)
	default:
		fmt.Fprintln(p.Out, "Open the page and send an event, such as \"A slower checkout\". Ctrl-C stops.")
	}
}

// once plays the whole story and writes down what was said.
func (c *demoCommand) once(ctx context.Context, p Process, s *server, story *demo.Story) error {
	played := story.Play(ctx)
	if c.Out == "" {
		return played
	}
	if err := s.webchat.WriteTranscript(c.Out); err != nil {
		return errors.Join(played, err)
	}
	fmt.Fprintf(p.Out, "Written: %s\n", filepath.Join(c.Out, "transcript.json"))
	return played
}

// shopCommand is what the demo's catalog deploys and applies with.
type shopCommand struct {
	Deploy shopDeploy `cmd:"" help:"Start a version of a service."`
	Apply  shopApply  `cmd:"" help:"Change the orders database."`
}

type shopDeploy struct {
	Control string `required:"" help:"The shop's control URL."`
	Service string `required:""`
	Image   string `required:""`
}

func (c *shopDeploy) Run(ctx context.Context, p Process) error {
	return demo.Deploy(ctx, c.Control, c.Service, c.Image, p.Out)
}

type shopApply struct {
	Control string `required:"" help:"The shop's control URL."`
	Release string `required:""`
}

func (c *shopApply) Run(ctx context.Context, p Process) error {
	return demo.Apply(ctx, c.Control, c.Release, p.Out)
}
