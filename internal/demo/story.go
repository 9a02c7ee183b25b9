package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// baselineRuns is how many runs of every scenario are measured before anything is judged.
const baselineRuns = 5

// Story plays the demo against a running Bellwether that was started with the files of Files. It may be used by several
// goroutines.
type Story struct {
	URL      string // of Bellwether's HTTP listener
	Token    string // of POST /events
	Client   *http.Client
	Out      io.Writer     // progress, a line for each scene
	Poll     time.Duration // between two looks at something that is awaited; 0 means 100 ms
	Patience time.Duration // how long a run may take, or a message to appear; 0 means 2 min
	Now      func() time.Time
	NewID    func() string // another one each time; its first seven characters make a revision

	mu       sync.Mutex
	released map[string]string // the version sent last, by service or stack
}

// Play prepares and plays every scene of the story, one after the other. The error lists what was not as it should be.
func (s *Story) Play(ctx context.Context) error {
	began := s.Now()
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	var wrong []error
	for i, scene := range story {
		err := s.undisturbed(began, func() error { return s.play(ctx, scene) })
		happened := scene.happened
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			wrong = append(wrong, fmt.Errorf("scene %d, %s: %w", i+1, scene.Title, err))
			happened = "NOT as it should be: " + err.Error()
		}
		s.tell(began, "%d/%d  %s: %s", i+1, len(story), scene.Title, happened)
	}
	return errors.Join(wrong...)
}

func (s *Story) play(ctx context.Context, scene scene) error {
	sent, err := scene.send(ctx, s)
	if err != nil {
		return err
	}
	return scene.check(ctx, s, sent)
}

// undisturbed does something that measures, and once more when the measurement settled nothing: on a machine that is busy
// with other things for a while, the load generator is late, and Bellwether rightly says that it cannot tell.
func (s *Story) undisturbed(began time.Time, do func() error) error {
	err := do()
	var other *differs
	if errors.As(err, &other) && other.unsettled {
		s.tell(began, "once more, as this machine was too busy to settle it: %v", err)
		err = do()
	}
	return err
}

// tell prints one line of progress. A reader that is gone must not stop the story.
func (s *Story) tell(began time.Time, format string, args ...any) {
	fmt.Fprintf(s.Out, "%4.0f s  "+format+"\n", append([]any{s.Now().Sub(began).Seconds()}, args...)...)
}

// Prepare waits for Bellwether to answer, deploys the first version of every service, and measures every scenario often
// enough that what comes can be judged.
func (s *Story) Prepare(ctx context.Context) error {
	began := s.Now()
	s.tell(began, "measuring a baseline: %d runs of every scenario, about a minute in all", baselineRuns)
	err := s.answers(ctx)
	if err == nil {
		err = s.undisturbed(began, func() error { return s.deployFirst(ctx) })
	}
	for run := 1; run < baselineRuns && err == nil; run++ {
		s.tell(began, "baseline: %d of %d", run, baselineRuns)
		err = s.undisturbed(began, func() error { return s.measureAll(ctx) })
	}
	if err != nil {
		return fmt.Errorf("measure the baseline: %w", err)
	}
	s.tell(began, "the baseline is measured")
	return nil
}

// answers waits until Bellwether does, which may only just have been started.
func (s *Story) answers(ctx context.Context) error {
	return s.eventually(ctx, func() (string, error) {
		if _, err := s.client().transcript(ctx); err != nil {
			return "Bellwether does not answer: " + err.Error(), nil
		}
		return "", nil
	})
}

func (s *Story) deployFirst(ctx context.Context) error {
	sent, err := releasing(firstReleases...)(ctx, s)
	for _, r := range sent {
		err = errors.Join(err, s.ends(ctx, r.Run, "done", "pass"))
	}
	return err
}

// measureAll runs the full suite. Nothing has changed, so whatever it finds slower was disturbed.
func (s *Story) measureAll(ctx context.Context) error {
	run, err := s.full(ctx)
	if err != nil {
		return err
	}
	err = s.ends(ctx, run, "done", "pass")
	var other *differs
	if errors.As(err, &other) && other.verdict == "regressed" {
		other.unsettled = true
	}
	return err
}

// Scenes are what can be sent from the page's panel: those of the story in their order, and some more.
func (s *Story) Scenes() []Scene {
	var all []Scene
	for _, scene := range slices.Concat(story, more) {
		all = append(all, scene.Scene)
	}
	return all
}

// Scene sends what the scene with that key sends, and waits for no verdict.
func (s *Story) Scene(ctx context.Context, key string) error {
	all := slices.Concat(story, more)
	i := slices.IndexFunc(all, func(scene scene) bool { return scene.Key == key })
	if i < 0 {
		return fmt.Errorf("there is no scene %q", key)
	}
	_, err := all[i].send(ctx, s)
	return err
}

func (s *Story) client() client { return client{s.Client, s.URL, s.Token} }

// release announces that a version was released, as its pipeline would.
func (s *Story) release(ctx context.Context, c change) (receipt, error) {
	c.Revision = s.NewID()[:7]
	if c.Kind == "service" {
		c.Image = fmt.Sprintf("%s/%s:%s-%s", registry, c.Name, c.Version, c.Revision)
	}
	taken, err := s.client().post(ctx, s.envelope(c))
	if err != nil {
		return receipt{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released == nil {
		s.released = map[string]string{}
	}
	s.released[c.Name] = c.Version
	return taken, nil
}

func (s *Story) envelope(c change) envelope {
	return envelope{
		Version: "0", ID: s.NewID(), DetailType: "Bellwether Change", Source: "bellwether.demo",
		Account: "000000000000", Region: "eu-west-1", Time: s.Now().UTC(), Resources: []string{}, Detail: c,
	}
}

// spoil releases a version that is worse than the one before. When it is itself the one before it would be no worse: then
// the good one is released first, and the spoiler follows once that one does not wait any more and cannot be superseded.
func (s *Story) spoil(ctx context.Context, bad, good change) (receipt, error) {
	s.mu.Lock()
	again := s.released[bad.Name] == bad.Version
	s.mu.Unlock()
	if again {
		repaired, err := s.release(ctx, good)
		if err != nil {
			return receipt{}, err
		}
		if _, err := s.await(ctx, repaired.Run, func(now status) bool { return now.State != "waiting" }); err != nil {
			return receipt{}, err
		}
	}
	return s.release(ctx, bad)
}

// full asks for the full suite in the infrastructure channel and returns its run.
func (s *Story) full(ctx context.Context) (string, error) {
	return s.ask(ctx, words{Channel: "infrastructure", As: "ops-ldn", Text: "full"}, "asked for the full suite")
}

// ask says a command that starts a run, and reads the run off the answer.
func (s *Story) ask(ctx context.Context, w words, answer string) (run string, err error) {
	if err := s.client().command(ctx, w); err != nil {
		return "", err
	}
	messages, err := s.client().transcript(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range slices.Backward(messages) {
		named := lastRun.FindStringSubmatch(m.Text)
		if m.Channel == w.Channel && strings.Contains(m.Text, answer) && named != nil {
			return named[1], nil
		}
	}
	return "", fmt.Errorf("%s said %q, and nobody answered", w.As, w.Text)
}

var lastRun = regexp.MustCompile(`\b(R\d+)$`)
