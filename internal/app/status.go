package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"bellwether/bot"
	"bellwether/internal/config"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// quiet is the log level of a command that only looks.
const quiet = slog.LevelError

// memory opens what the bot knows, without being one.
func (f configFlag) memory(ctx context.Context, p Process) (s *server, c *pipeline.Catalog, err error) {
	settings, c, problems := f.load(p) // the secrets of the others do not matter: only Redis is asked
	if c == nil || settings.Redis.Reveal() == "" {
		for _, problem := range problems {
			fmt.Fprintln(p.Err, problem)
		}
		return nil, nil, exit(exitUnknown)
	}
	s = &server{settings: settings, now: p.Now, log: newLog(p.Err, quiet, config.Redactor(settings.Secrets()...))}
	if err := s.openStore(ctx); err != nil {
		return nil, nil, unanswered{err}
	}
	return s, c, nil
}

type statusCommand struct {
	configFlag
	Environment string `arg:"" optional:"" help:"Only this one."`
	JSON        bool   `help:"Print JSON."`
}

// busy is what an environment is doing, for scripts.
type busy struct {
	Environment string         `json:"environment"`
	Running     *occupant      `json:"running"` // null when nothing is
	Led         []occupant     `json:"led"`     // tested along with what is running, and not over
	Hold        *pipeline.Hold `json:"hold"`    // null when it is not on hold
	Waiting     []occupant     `json:"waiting"`
}

// occupant is a run as a list shows it.
type occupant struct {
	Run       string         `json:"run"`
	Subject   string         `json:"subject"`
	Team      string         `json:"team"`
	Headline  string         `json:"headline"`
	Stage     pipeline.Stage `json:"stage,omitempty"`
	Submitted time.Time      `json:"submitted"`
	Started   time.Time      `json:"started,omitzero"`
	Batch     []string       `json:"batch,omitempty"`
}

func (c *statusCommand) Run(ctx context.Context, p Process) error {
	s, cat, err := c.memory(ctx, p)
	if err != nil {
		return err
	}
	defer s.close()
	names := slices.Sorted(maps.Keys(cat.Environments))
	if c.Environment != "" {
		if !slices.Contains(names, c.Environment) {
			return unanswered{fmt.Errorf("no environment is called %q; did you mean %s?", c.Environment, cmp.Or(suggest.Nearest(c.Environment, names), names[0]))}
		}
		names = []string{c.Environment}
	}
	all := []busy{}
	for _, name := range names {
		board, err := s.store.Board(ctx, name)
		if err != nil {
			return unanswered{err}
		}
		all = append(all, busyness(board))
	}
	if c.JSON {
		return printJSON(p.Out, all)
	}
	for _, b := range all {
		b.print(p.Out, p.Now())
	}
	return nil
}

func busyness(b pipeline.Board) busy {
	is := busy{Environment: b.Environment, Led: occupants(b.Led), Hold: b.Hold, Waiting: occupants(b.Waiting)}
	if b.Held != nil {
		running := occupantOf(*b.Held)
		is.Running = &running
	}
	return is
}

func occupants(runs []pipeline.Run) []occupant {
	all := []occupant{}
	for _, run := range runs {
		all = append(all, occupantOf(run))
	}
	return all
}

func occupantOf(run pipeline.Run) occupant {
	headline, _ := bot.Headline(run)
	return occupant{run.ID, run.Subject(), run.Team, headline, run.Stage, run.Submitted, run.Started, run.Batch}
}

func (b busy) print(out io.Writer, now time.Time) {
	fmt.Fprintf(out, "%s\n", b.Environment)
	if b.Hold != nil {
		fmt.Fprintf(out, "  on hold for %s, by %s: %s\n", bot.Roughly(now.Sub(b.Hold.By.At)), b.Hold.By.Name, b.Hold.By.Because)
	}
	switch {
	case b.Running != nil:
		fmt.Fprintf(out, "  runs   %s  %s  (%s)\n", b.Running.Run, b.Running.Headline, bot.Roughly(now.Sub(cmp.Or(b.Running.Started, b.Running.Submitted))))
	case b.Hold == nil:
		fmt.Fprintln(out, "  free")
	}
	for _, run := range b.Led {
		fmt.Fprintf(out, "  along  %s  %s  (%s)\n", run.Run, run.Headline, bot.Roughly(now.Sub(cmp.Or(run.Started, run.Submitted))))
	}
	for _, run := range b.Waiting {
		fmt.Fprintf(out, "  waits  %s  %s  (%s)\n", run.Run, run.Headline, bot.Roughly(now.Sub(run.Submitted)))
	}
}
