package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Lua to begin and end regressions. Each is in the hash of its run, in fields that end in its group and metric:
//
//	regression/cart/p95   JSON, without its end
//	ended/cart/p95        JSON of that, once it has one
//
// The hash standing:ENV has the run of each that has none. There is one at most of a metric.
const regressing = `
-- People are told of a run that is over. Of one that is not, whoever works on it tells them.
local function run_changed(id, environment)
  run_expire(id)
  if final(redis.call('HGET', key('run', id), 'state')) then tell_later(id, environment) end
end

local function regression_end(id, environment, metric, ended)
  run_set(id, 'ended/' .. metric, ended)
  local standing = key('standing', environment)
  if redis.call('HGET', standing, metric) == id then redis.call('HDEL', standing, metric) end
  run_changed(id, environment)
end
`

// Standing are the regressions of an environment that have no end, by ID, in one round trip.
func (s *Store) Standing(ctx context.Context, environment string) ([]pipeline.Regression, error) {
	reply, err := s.do(ctx, standingScript, environment)
	if err != nil {
		return nil, fmt.Errorf("regressions in %s: %w", environment, err)
	}
	var standing []pipeline.Regression
	for field := range slices.Chunk(reply, 3) {
		id, name, raw := field[0].(string), field[1].(string), field[2].(string)
		var g pipeline.Regression
		f := &fields{key: s.key("run", id), values: map[string]string{name: raw}}
		if f.json(name, &g); f.err != nil {
			return nil, f.err
		}
		standing = append(standing, g)
	}
	slices.SortFunc(standing, byID)
	return standing, nil
}

func byID(a, b pipeline.Regression) int { return strings.Compare(a.ID, b.ID) }

var standingScript = redis.NewScript(common + `
local found, standing = {}, redis.call('HGETALL', key('standing', ARGV[2]))
for i = 1, #standing, 2 do
  local id, field = standing[i + 1], 'regression/' .. standing[i]
  local regression = redis.call('HGET', key('run', id), field)
  for _, v in ipairs(regression and {id, field, regression} or {}) do found[#found + 1] = v end
end
return found`)

// Follow stores regressions that a run found, and what became of others. What has an end keeps it. One that stands although
// another of the same metric begins, because somebody took back what they had said of it, ends with that.
func (s *Store) Follow(ctx context.Context, lease pipeline.Lease, changed []pipeline.Regression) error {
	args := []any{environmentLane(lease.Environment), lease.Fence, lease.Environment}
	for _, g := range changed {
		regression, ended, err := encodeRegression(g)
		if err != nil {
			return fmt.Errorf("keep regression %s: %w", g.ID, err)
		}
		after, err := json.Marshal(pipeline.End{As: pipeline.Worsened, At: g.At, Run: g.Run, Subject: g.Subject})
		if err != nil {
			return fmt.Errorf("keep regression %s: %w", g.ID, err)
		}
		args = append(args, g.Run, g.Group+"/"+string(g.Metric), regression, ended, after)
	}
	_, err := s.do(ctx, followScript, args...)
	return wrap(err, "keep regressions in %s", lease.Environment)
}

// encodeRegression has the end apart; none when there is none.
func encodeRegression(g pipeline.Regression) (regression, ended []byte, err error) {
	if g.End != nil {
		if ended, err = json.Marshal(g.End); err != nil {
			return nil, nil, err
		}
		g.End = nil
	}
	regression, err = json.Marshal(g)
	return regression, ended, err
}

var followScript = redis.NewScript(fenced + changing + regressing + `
local environment = ARGV[4]
local standing = key('standing', environment)

local function begin(id, metric, regression, after)
  local other = redis.call('HGET', standing, metric)
  if other and other ~= id then regression_end(other, environment, metric, after) end
  redis.call('HSET', standing, metric, id)
  run_set(id, 'regression/' .. metric, regression)
  run_changed(id, environment)
end

for i = 5, #ARGV, 5 do
  local id, metric, regression, ended, after = unpack(ARGV, i, i + 4)
  local run = redis.call('HMGET', key('run', id), 'state', 'regression/' .. metric, 'ended/' .. metric)
  if not run[1] or run[3] then
    -- forgotten, or over
  elseif ended == '' and run[2] ~= regression then
    begin(id, metric, regression, after)
  elseif ended ~= '' and run[2] then
    regression_end(id, environment, metric, ended)
  end
end`)

// Overtaken tells whether a newer change of what the run tests waits for the same environment.
func (s *Store) Overtaken(ctx context.Context, run pipeline.Run) (bool, error) {
	reply, err := s.do(ctx, overtakenScript, run.ID)
	return len(reply) > 0, wrap(err, "look for a change newer than that of run %s", run.ID)
}

var overtakenScript = redis.NewScript(common + `
local id = ARGV[2]
local environment, thing = unpack(redis.call('HMGET', key('run', id), 'environment', 'thing'))
if not environment then return redis.error_reply('ABSENT') end
local open = key('open', environment, thing)
for _, other in ipairs(redis.call('ZRANGEBYSCORE', open, '(' .. string.sub(id, 2), '+inf')) do
  local run = redis.call('HMGET', key('run', other), 'cause', 'state')
  if run[1] == 'change' and run[2] == 'waiting' then return {other} end
end`)

// regressions are those that belong to a run, by ID.
func (f *fields) regressions() (all []pipeline.Regression) {
	for _, name := range f.about("regression") {
		var g pipeline.Regression
		f.json(name, &g)
		f.json("ended"+strings.TrimPrefix(name, "regression"), &g.End)
		all = append(all, g)
	}
	slices.SortFunc(all, byID)
	return all
}
