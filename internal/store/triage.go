package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Lua for what people say of a run that is over: triaged is the field about the whole run, triaged/cart that about a scenario.
// What that made of results is there, too, so that it can be taken back: counted/R1/cart for one that counts since,
// dropped/R1/cart for one that counted before.
const triaging = `
local function said_of(run, scenario) return redis.call('HEXISTS', run, 'triaged/' .. scenario) == 1 end
`

// Triage ends the run's regressions as people say, all or those of m.Scope, and has its results count, or not count any more,
// if that is what it means. The first word on a scenario stays until Reopen: a word on the whole run is about the others. A run
// that is not over stays as it is. It returns the run as it then is.
func (s *Store) Triage(ctx context.Context, id string, as pipeline.Ending, m pipeline.Mark) (pipeline.Run, error) {
	run, err := s.Load(ctx, id)
	if err != nil {
		return run, err
	}
	args, err := words(run, as, m)
	if err == nil {
		_, err = s.do(ctx, triageScript, args...)
	}
	if err != nil {
		return run, fmt.Errorf("triage run %s: %w", id, err)
	}
	return s.Load(ctx, id)
}

// words are what the script wants to know of what people say, and of each result that this is about.
func words(run pipeline.Run, as pipeline.Ending, m pipeline.Mark) ([]any, error) {
	said, err := json.Marshal(pipeline.End{As: as, At: m.At, Mark: &m})
	if err != nil {
		return nil, err
	}
	args := []any{run.ID, string(as), said, m.Scope}
	for _, r := range triaged(run, as, m.Scope) {
		level, unfit := json.Marshal(pipeline.Level{Run: run.ID, From: r.Start, Mark: m})
		if args, err = measurement(args, r); err != nil || unfit != nil {
			return nil, errors.Join(err, unfit)
		}
		args = append(args, level)
	}
	return args, nil
}

// triaged are the results that a word is about: what is expected is what got worse, and of a run that is invalid all are.
func triaged(run pipeline.Run, as pipeline.Ending, scope string) []pipeline.Result {
	worse := run.Standing()
	about := func(r pipeline.Result) bool {
		if as == pipeline.Expected {
			return good(r) && slices.ContainsFunc(worse, func(g pipeline.Regression) bool { return g.Scenario == r.Scenario })
		}
		return as == pipeline.Invalidated
	}
	return slices.DeleteFunc(ofNew(run), func(r pipeline.Result) bool { return scope != "" && scope != r.Scenario || !about(r) })
}

func good(r pipeline.Result) bool { return r.Invalid == "" && r.Failed == "" && r.Stopped == "" }

// ofNew are the results of what the run tests, not of what was there before, oldest first.
func ofNew(run pipeline.Run) []pipeline.Result {
	all := slices.Clone(run.Results)
	for _, leg := range run.Legs {
		if leg.New {
			all = append(all, leg.Results...)
		}
	}
	return all
}

var triageScript = redis.NewScript(common + changing + counting + regressing + triaging + `
local id, as, said, scope = unpack(ARGV, 2, 5)
local run = key('run', id)
local state, environment = unpack(redis.call('HMGET', run, 'state', 'environment'))
if not state then return redis.error_reply('ABSENT') end
if not final(state) or redis.call('HEXISTS', run, 'triaged') == 1 or said_of(run, scope) then return end
local function about(scenario) return scope == scenario or scope == '' and not said_of(run, scenario) end

for _, metric in ipairs(run_standing(id)) do
  if about(string.match(metric, '^[^/]*')) then regression_end(id, environment, metric, said) end
end
for i = 6, #ARGV, 5 do
  local scenario, result, summary, start, level = unpack(ARGV, i, i + 4)
  local counts = past_counts(environment, scenario, result)
  if about(scenario) and as == 'expected' then
    redis.call('HSETNX', key('levels', environment, scenario), id, level)
    if not counts then
      past_count(environment, scenario, result, summary, start)
      redis.call('HSET', run, 'counted/' .. result, 1)
    end
  elseif about(scenario) and as == 'invalid' and counts then
    past_drop(environment, scenario, result)
    redis.call('HSET', run, 'dropped/' .. result, 1)
  end
end
run_set(id, 'triaged' .. (scope ~= '' and '/' .. scope or ''), said)
run_changed(id, environment)`)

// Reopen takes back all that people said of the run. What got worse stands again, unless a later run found the same. It returns
// the run as it then is; whose mark it is, only the audit log remembers.
func (s *Store) Reopen(ctx context.Context, id string, _ pipeline.Mark) (pipeline.Run, error) {
	run, err := s.Load(ctx, id)
	if err != nil {
		return run, err
	}
	args := []any{id}
	for _, r := range ofNew(run) {
		if args, err = measurement(args, r); err != nil {
			return run, fmt.Errorf("reopen run %s: %w", id, err)
		}
	}
	if _, err := s.do(ctx, reopenScript, args...); err != nil {
		return run, fmt.Errorf("reopen run %s: %w", id, err)
	}
	return s.Load(ctx, id)
}

var reopenScript = redis.NewScript(common + changing + counting + regressing + `
local id = ARGV[2]
local run = key('run', id)
local environment = redis.call('HGET', run, 'environment')
if not environment then return redis.error_reply('ABSENT') end

local taken_back = 0
for _, field in ipairs(redis.call('HKEYS', run)) do
  if field == 'triaged' or string.find(field, '^triaged/') then taken_back = taken_back + redis.call('HDEL', run, field) end
end
if taken_back == 0 then return end

for i = 3, #ARGV, 4 do
  local scenario, result, summary, start = unpack(ARGV, i, i + 3)
  redis.call('HDEL', key('levels', environment, scenario), id)
  if redis.call('HDEL', run, 'counted/' .. result) == 1 then past_drop(environment, scenario, result) end
  if redis.call('HDEL', run, 'dropped/' .. result) == 1 then past_count(environment, scenario, result, summary, start) end
end
for _, field in ipairs(redis.call('HKEYS', run)) do
  local metric = string.match(field, '^ended/(.*)$')
  if metric and cjson.decode(redis.call('HGET', run, field)).mark and redis.call('HSETNX', key('standing', environment), metric, id) == 1 then
    redis.call('HDEL', run, field)
  end
end
run_touch(id)
run_changed(id, environment)`)

// triaged is what people said, in force, oldest first.
func (f *fields) triaged() (ends []pipeline.End) {
	for _, name := range f.about("triaged") {
		var end pipeline.End
		f.json(name, &end)
		ends = append(ends, end)
	}
	slices.SortStableFunc(ends, func(a, b pipeline.End) int { return a.At.Compare(b.At) })
	return ends
}
