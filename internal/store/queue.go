package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Enqueue takes a run in, or finds the run that already stands for it. An image joins the waiting run of its change that
// has none. A run that has begun without its image is past saving: its image makes another run, unless a newer change came
// meanwhile. What is newer, the changes' own times say; where they do not, it is what came later.
func (s *Store) Enqueue(ctx context.Context, sub pipeline.Submission) (pipeline.Receipt, error) {
	run, change := sub.Run, sub.Run.Change()
	record, _, err := encodeRun(run)
	if err != nil {
		return pipeline.Receipt{}, fmt.Errorf("enqueue a run of %s: %w", run.Subject(), err)
	}
	joining, err := json.Marshal(change)
	if err != nil {
		return pipeline.Receipt{}, fmt.Errorf("enqueue a run of %s: %w", run.Subject(), err)
	}
	reply, err := s.do(ctx, enqueueScript,
		run.Environment, sub.EventID, string(run.Cause), sub.Thing, sub.Key, run.Series(), change.Image, millis(change.At),
		run.Parent, millis(sub.Due), stamp(run.Submitted), record, joining, millis(sub.PatientUntil),
		seconds(keepEvents), seconds(keepAwaited), skew.Milliseconds())
	if err != nil {
		return pipeline.Receipt{}, fmt.Errorf("enqueue a run of %s: %w", run.Subject(), err)
	}
	receipt := pipeline.Receipt{Outcome: reply[0].(string), Run: reply[1].(string)}
	for _, id := range reply[2:] {
		receipt.Superseded = append(receipt.Superseded, id.(string))
	}
	return receipt, nil
}

var enqueueScript = redis.NewScript(common + changing + `
local environment, event, cause, thing, identity, series, image, made = unpack(ARGV, 2, 9)
local parent, due, at, record, joining, patient, keep_event, keep_awaited, skew = unpack(ARGV, 10, 18)
local lane, open, open_of_thing = 'environment/' .. environment, key('open', environment), key('open', environment, thing)
local awaited = key('awaited', environment, thing, identity)

-- A run that has expired is nothing to point at.
local function existing(id)
  return id and redis.call('EXISTS', key('run', id)) == 1 and id or ''
end

local seen = event ~= '' and redis.call('GET', key('event', event))
if seen then return {'repeat', existing(seen)} end

-- When a change was merged, and its image pushed: 0 for what is not known.
local times = {image == '' and tonumber(made) or 0, image ~= '' and tonumber(made) or 0}

-- The runs of the same thing that are not over.
local rivals = {}
for i, id in ipairs(redis.call('ZRANGE', open_of_thing, 0, -1)) do
  local run = redis.call('HMGET', key('run', id), 'key', 'image', 'state', 'merged', 'pushed')
  rivals[i] = {id = id, key = run[1], image = run[2], state = run[3], times = {tonumber(run[4] or 0), tonumber(run[5] or 0)}}
end

-- Whether a change is known to be newer than another. Builds take their time, so merges compare with merges and images with
-- images; only where there is neither pair, one with the other.
local function after(a, b)
  for i = 1, 2 do
    if a[i] > 0 and b[i] > 0 then return a[i] > b[i] + skew end
  end
  local one, other = math.max(a[1], a[2]), math.max(b[1], b[2])
  return one > 0 and other > 0 and one > other + skew
end

local function receipt(outcome, id, superseded)
  if event ~= '' then redis.call('SET', key('event', event), id, 'EX', keep_event) end
  return {outcome, id, unpack(superseded or {})}
end

local function join(id)
  run_set(id, 'joined', joining, 'image', image, 'pushed', times[2])
  if lane_waits(prefix, lane, id) then
    lane_push(prefix, lane, id, 0)
    run_patience(id, environment, 0)
  end
  return receipt('joined', id)
end

-- The merge of a run that its image made tells when that was.
local function again(run)
  if run.times[1] == 0 then redis.call('HSET', key('run', run.id), 'merged', times[1]) end
  return receipt('repeat', run.id)
end

-- The receipt of a change that is known already.
local function known()
  for _, run in ipairs(rivals) do
    if run.key == identity then
      if image == '' or run.image ~= '' then return again(run) end
      if run.state == 'waiting' then return join(run.id) end
    end
  end
  local installed = redis.call('HMGET', key('origin', environment, thing), 'key', 'run')
  if installed[1] == identity then return receipt('repeat', existing(installed[2])) end
end

-- The image of a run that a newer one replaces is no news when it comes.
local function await(identity, merged, newer)
  local awaited = key('awaited', environment, thing, identity)
  redis.call('HSET', awaited, 'run', newer, 'merged', merged)
  redis.call('EXPIRE', awaited, keep_awaited)
end

-- What stands for a run that may have been superseded; nil when that was cancelled, or is forgotten.
local function standing(id)
  local run = redis.call('HMGET', key('run', id), 'state', 'successor')
  if run[1] == 'superseded' then return standing(run[2]) end
  if run[1] and run[1] ~= 'cancelled' then return id end
end

-- The receipt of an image that a replaced run waited for, unless it shows that the run was replaced wrongly.
local function replaced()
  local mark = redis.call('HMGET', awaited, 'run', 'merged')
  if not mark[1] then return end
  redis.call('DEL', awaited)
  if image == '' then return end
  times[1] = tonumber(mark[2])
  local id = standing(mark[1])
  local of = redis.call('HMGET', key('run', id or ''), 'merged', 'pushed')
  if id and not after(times, {tonumber(of[1] or 0), tonumber(of[2] or 0)}) then return receipt('repeat', id) end
end

-- The run of a change that is newer than this one, which came late: the one that is installed, or an open one.
local function overtaker()
  local found
  local installed = existing(redis.call('HGET', key('origin', environment, thing), 'run'))
  local of = redis.call('HMGET', key('run', installed), 'merged', 'pushed')
  if after({tonumber(of[1] or 0), tonumber(of[2] or 0)}, times) then found = installed end
  for _, run in ipairs(rivals) do
    if after(run.times, times) then found = run.id end
  end
  return found
end

local function supersede(successor)
  local superseded = {}
  for _, run in ipairs(rivals) do
    if run.image == '' then await(run.key, run.times[1], successor) end
    if run.state == 'waiting' and run_withdraw(run.id, lane) then
      run_replace(run.id, successor, at)
      superseded[#superseded + 1] = run.id
    end
  end
  return superseded
end

-- The run of a change that came late is over before it waits.
local function overtaken(id, newer)
  run_replace(id, newer, at)
  run_append(newer, 'supersedes', id)
  if image == '' then await(identity, times[1], newer) end
  return receipt('accepted', id)
end

-- How many runs are before one that is about to line up: full runs let all others go ahead, also those that come later.
local function position()
  return redis.call('ZCARD', open) - (cause == 'full' and 0 or lane_yielding(prefix, lane))
end

local function line_up(id, number)
  redis.call('ZADD', open_of_thing, number, id)
  redis.call('ZADD', open, number, id)
  local push = cause == 'full' and lane_push_behind or lane_push
  push(prefix, lane, id, due)
  run_patience(id, environment, tonumber(due))
end

if cause == 'change' and identity ~= '' then
  local found = known() or replaced()
  if found then return found end
end

local number = redis.call('INCR', prefix .. 'runs')
local id = 'R' .. number
local changes = cause == 'change' and thing ~= ''
local newer = changes and overtaker()
local superseded = changes and not newer and supersede(id) or {}
if parent ~= '' then
  identity = redis.call('HGET', key('run', parent), 'key') or ''
  if existing(parent) ~= '' then run_append(parent, 'reruns', id) end
end
redis.call('HSET', key('run', id), 'record', record, 'rev', 1, 'state', 'waiting', 'environment', environment, 'cause', cause,
  'thing', thing, 'key', identity, 'image', image, 'merged', changes and times[1] or 0, 'pushed', changes and times[2] or 0,
  'patience', math.max(0, patient - lane_now()), 'position', position(), 'supersedes', table.concat(superseded, ','))
if newer then return overtaken(id, newer) end
run_list(id, series, number)
line_up(id, number)
return receipt('accepted', id, superseded)`)

// Overhead is the median of the last ten runs that were judged.
func (s *Store) Overhead(ctx context.Context, environment, thing string) (time.Duration, error) {
	key := s.key("overhead", environment, thing)
	list, err := s.redis().LRange(ctx, key, 0, -1).Result()
	if err != nil || len(list) == 0 {
		return 0, wrap(err, "overhead of %s in %s", thing, environment)
	}
	all := make([]int, len(list))
	for i, raw := range list {
		if all[i], err = strconv.Atoi(raw); err != nil {
			return 0, fmt.Errorf("redis key %s: %w", key, err)
		}
	}
	slices.Sort(all)
	middle := all[(len(all)-1)/2] + all[len(all)/2]
	return time.Duration(middle) * time.Millisecond / 2, nil
}

// overhead of a judged run in ms; "" for one that says nothing about others.
func overhead(run pipeline.Run) string {
	if run.State != pipeline.Done || run.Verdict == pipeline.Failed {
		return ""
	}
	took := run.Finished.Sub(run.Started)
	results := slices.Clone(run.Results)
	for _, leg := range run.Legs {
		results = append(results, leg.Results...)
	}
	for _, r := range results {
		took -= time.Duration(r.Warmup+r.Seconds) * time.Second
	}
	return strconv.FormatInt(max(0, took.Milliseconds()), 10)
}

// millis rounds up, so that nothing is due before its time; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Millisecond - time.Nanosecond).UnixMilli()
}
