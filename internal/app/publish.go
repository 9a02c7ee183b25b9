package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/internal/intake"
	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// runCompleted is the detail type of the event that says how a run ended.
const runCompleted = "Bellwether Run Completed"

const (
	// publishLanes hold the runs whose end is to be published, one lane for each environment.
	publishLanes = "publish/"
	// keepCompleted is longer than a run is kept: what is forgotten would be published again.
	keepCompleted = 120 * 24 * time.Hour
	// maxRegressions keeps an event far below the 256 KiB that EventBridge takes.
	maxRegressions = 200
)

// completions publishes how each run ended, at least once. It is a teller that puts the run into a lane once it is over: a
// bus that is away holds up nobody, and no run ends without being told, one that never ran neither.
type completions struct {
	pipeline.Teller
	Lanes  *lane.Lanes
	Load   func(ctx context.Context, id string) (pipeline.Run, error)
	RunURL func(id string) string
	Bus    *intake.Bus
	Log    *slog.Logger
}

// pushOnce puts a run into a lane unless it ever was there. ARGV: prefix, lane, run, seconds to remember that.
var pushOnce = redis.NewScript(lane.Append + `
if redis.call('SET', ARGV[1] .. 'completed:' .. ARGV[3], 1, 'NX', 'EX', ARGV[4]) then
  lane_push(ARGV[1], ARGV[2], ARGV[3], 0)
end
return 1`)

// Tell tells of the run, and has its end published. It may be called again and again with a run that is over.
func (c *completions) Tell(ctx context.Context, run pipeline.Run) error {
	if err := c.Teller.Tell(ctx, run); err != nil || !run.State.Final() {
		return err
	}
	keep := int64(keepCompleted / time.Second)
	err := pushOnce.Run(ctx, c.Lanes.Redis, nil, c.Lanes.Prefix, publishLanes+run.Environment, run.ID, keep).Err()
	if err != nil {
		return fmt.Errorf("have the end of %s published: %w", run.ID, err)
	}
	return nil
}

// publish is the work of a lane. What the bus will never take, or breaks Bellwether itself, is dropped in the end, so that it
// does not hold up what is behind it; any other failure is tried again until it passes.
func (c *completions) publish(ctx context.Context, held *lane.Held) error {
	id, failures := held.Item.ID, held.Item.Failures+1
	err := c.put(ctx, id)
	_, denied := errors.AsType[intake.Denied](err)
	_, broke := errors.AsType[*panicked](err)
	if (denied || broke) && failures >= poisonous {
		c.Log.Error("end of a run not published", "run", id, "failures", failures, "error", err)
		return nil
	}
	return err
}

func (c *completions) put(ctx context.Context, id string) (err error) {
	defer survive(&err)
	run, err := c.Load(ctx, id)
	if errors.Is(err, pipeline.ErrNotFound) {
		c.Log.Warn("end of a run not published: the run is no longer kept", "run", id)
		return nil
	}
	if err != nil {
		return err
	}
	event, err := c.Bus.Put(ctx, runCompleted, c.completed(run))
	if err == nil {
		c.Log.Info("end of a run published", "run", id, "event", event)
	}
	return err
}

// completed is the detail of the event.
type completed struct {
	Run         string           `json:"run"`
	State       pipeline.State   `json:"state"`
	Verdict     pipeline.Verdict `json:"verdict,omitempty"` // absent unless the state is done
	Environment string           `json:"environment"`
	Cause       pipeline.Cause   `json:"cause"`
	Changes     []changed        `json:"changes"` // none of a full run
	Headline    string           `json:"headline"`
	URL         string           `json:"url"`         // the run's page; the link expires
	Regressions []regression     `json:"regressions"` // the first 200
	Started     time.Time        `json:"started,omitzero"`
	Finished    time.Time        `json:"finished,omitzero"`
	Successor   string           `json:"successor,omitempty"` // the run that superseded this one
}

type changed struct {
	Kind     pipeline.Kind `json:"kind"`
	Name     string        `json:"name"`
	Revision string        `json:"revision,omitempty"`
	Version  string        `json:"version,omitempty"`
	Image    string        `json:"image,omitempty"`
}

// regression is a metric that is worse: milliseconds, or a fraction for errors and throughput.
type regression struct {
	Scenario string          `json:"scenario"`
	Group    string          `json:"group"`
	Metric   pipeline.Metric `json:"metric"`
	Was      float64         `json:"was"`
	Now      float64         `json:"now"`
}

func (c *completions) completed(run pipeline.Run) completed {
	headline, _ := bot.Headline(run)
	detail := completed{
		Run: run.ID, State: run.State, Verdict: run.Verdict, Environment: run.Environment, Cause: run.Cause, Changes: []changed{},
		Headline: headline, URL: c.RunURL(run.ID), Regressions: regressions(run),
		Started: run.Started, Finished: run.Finished, Successor: run.Successor,
	}
	for _, one := range run.Changes {
		detail.Changes = append(detail.Changes, changed{one.Kind, one.Name, one.Revision, one.Version, one.Image})
	}
	return detail
}

func regressions(run pipeline.Run) []regression {
	worse := []regression{}
	for _, o := range run.Outcomes {
		for _, f := range o.Findings {
			if f.Verdict == pipeline.Regressed && len(worse) < maxRegressions {
				worse = append(worse, regression{o.Scenario, f.Group, f.Metric, f.Was, f.Now})
			}
		}
	}
	return worse
}
