package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/pipeline"
)

// pin is what the hash pins:ENV has of a scenario.
type pin struct {
	pipeline.Pin
	Result string `json:"result"` // of the run
}

// Pin makes a run the baseline of some scenarios; an empty run takes that back. As long as it is, it is kept, and what it
// measured of them. bot.ErrNotFound for a run that did not measure one of them there.
func (s *Store) Pin(ctx context.Context, environment string, scenarios []string, run string, m pipeline.Mark) error {
	pins, err := s.pinsOf(ctx, environment, scenarios, run, m)
	if err == nil {
		_, err = s.do(ctx, pinScript, append([]any{environment, run}, pins...)...)
	}
	return wrap(err, "change what is pinned in %s", environment)
}

// pinsOf a run are, scenario by scenario, what the hash is to have of it and the result's id; both are empty for no run.
func (s *Store) pinsOf(ctx context.Context, environment string, scenarios []string, id string, m pipeline.Mark) (pins []any, err error) {
	var run pipeline.Run
	if id != "" {
		if run, err = s.Load(ctx, id); err != nil {
			return nil, err
		}
	}
	for _, scenario := range scenarios {
		if id == "" {
			pins = append(pins, scenario, "", "")
			continue
		}
		r, ok := measuredIn(run, environment, scenario)
		if !ok {
			return nil, fmt.Errorf("%s of run %s: %w", scenario, id, bot.ErrNotFound)
		}
		record, err := json.Marshal(pin{pipeline.Pin{Run: id, Mark: m}, r.ID})
		if err != nil {
			return nil, fmt.Errorf("%s of run %s: %w", scenario, id, err)
		}
		pins = append(pins, scenario, record, r.ID)
	}
	return pins, nil
}

var pinScript = redis.NewScript(common + changing + counting + `
local environment, run = ARGV[2], ARGV[3]
if run ~= '' and redis.call('EXISTS', key('run', run)) == 0 then return redis.error_reply('ABSENT') end
local pins, touched = key('pins', environment), {}
for i = 4, #ARGV, 3 do
  local scenario, pin, result = unpack(ARGV, i, i + 2)
  local before = redis.call('HGET', pins, scenario)
  redis.call('HDEL', pins, scenario)
  if before then
    before = cjson.decode(before)
    past_expire(environment, scenario, before.result)
    touched[before.run] = true
  end
  if run ~= '' then
    redis.call('HSET', pins, scenario, pin)
    redis.call('PERSIST', key('result', result))
    redis.call('PERSIST', key('record', result))
    touched[run] = true
  end
end
for id in pairs(touched) do
  if redis.call('EXISTS', key('run', id)) == 1 then run_expire(id) end
end`)

// Pinned are the runs that people pinned in an environment, by scenario.
func (s *Store) Pinned(ctx context.Context, environment string) (map[string]pipeline.Pin, error) {
	key := s.key("pins", environment)
	values, err := s.redis().HGetAll(ctx, key).Result()
	if err != nil {
		return nil, fmt.Errorf("what is pinned in %s: %w", environment, err)
	}
	pins := make(map[string]pipeline.Pin, len(values))
	f := &fields{key: key, values: values}
	for scenario := range values {
		var p pin
		f.json(scenario, &p)
		pins[scenario] = p.Pin
	}
	return pins, f.err
}
