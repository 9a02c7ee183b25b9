package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Past is one round trip; where a run is pinned, two.
func (s *Store) Past(ctx context.Context, environment string, scenario pipeline.Scenario) (pipeline.Past, error) {
	past, err := s.past(ctx, environment, scenario.Name)
	if past.Pin = cmp.Or(past.Pin, scenario.Baseline.Pinned); err == nil && past.Pin != "" {
		past.Pinned, err = s.pinned(ctx, past.Pin, environment, scenario.Name)
	}
	return past, wrap(err, "past of %s in %s", scenario.Name, environment)
}

var pastScript = redis.NewScript(common + `
local environment, scenario = ARGV[2], ARGV[3]
local past = {}
for _, id in ipairs(redis.call('ZREVRANGE', key('past', environment, scenario), 0, -1)) do
  local summary = redis.call('GET', key('result', id))
  if summary then
    past[#past + 1] = id
    past[#past + 1] = summary
  end
end
return {redis.call('HGET', key('pins', environment), scenario), redis.call('HGETALL', key('levels', environment, scenario)), past}`)

// past is without the results of what is pinned.
func (s *Store) past(ctx context.Context, environment, scenario string) (past pipeline.Past, err error) {
	reply, err := s.do(ctx, pastScript, environment, scenario)
	if err != nil {
		return past, err
	}
	var chosen pin
	pins := &fields{key: s.key("pins", environment), values: map[string]string{}}
	pins.values[scenario], _ = reply[0].(string)
	pins.json(scenario, &chosen)
	levels := s.fields(reply[1], "levels", environment, scenario)
	past.Pin, past.Levels = chosen.Run, levels.levels()
	for result := range slices.Chunk(reply[2].([]any), 2) {
		var r pipeline.Result
		if err := json.Unmarshal([]byte(result[1].(string)), &r); err != nil {
			return past, fmt.Errorf("redis key %s: %w", s.key("result", result[0].(string)), err)
		}
		past.Results = append(past.Results, r)
	}
	return past, cmp.Or(pins.err, levels.err)
}

// levels are all of a hash, oldest first.
func (f *fields) levels() (all []pipeline.Level) {
	for run := range f.values {
		var level pipeline.Level
		f.json(run, &level)
		all = append(all, level)
	}
	slices.SortFunc(all, func(a, b pipeline.Level) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Run, b.Run)) })
	return all
}

// pinned are the results of a run's scenario, whether they count or not; none once the run is no longer kept, or when people
// called it invalid.
func (s *Store) pinned(ctx context.Context, id, environment, scenario string) ([]pipeline.Result, error) {
	run, err := s.Load(ctx, id)
	if errors.Is(err, bot.ErrNotFound) {
		return nil, nil
	}
	invalid := func(e pipeline.End) bool {
		return e.As == pipeline.Invalidated && (e.Mark.Scope == "" || e.Mark.Scope == scenario)
	}
	if err != nil || slices.ContainsFunc(run.Triaged, invalid) {
		return nil, err
	}
	if r, ok := measuredIn(run, environment, scenario); ok {
		return []pipeline.Result{r}, nil
	}
	return nil, nil
}

func measuredIn(run pipeline.Run, environment, scenario string) (pipeline.Result, bool) {
	i := slices.IndexFunc(run.Results, func(r pipeline.Result) bool { return r.Environment == environment && r.Scenario == scenario })
	if i < 0 {
		return pipeline.Result{}, false
	}
	return run.Results[i], true
}
