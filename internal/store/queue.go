package store

import (
	"cmp"
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
// has none. A run that has begun without its image is past saving: its image makes another run.
func (s *Store) Enqueue(ctx context.Context, sub pipeline.Submission) (pipeline.Receipt, error) {
	run, change := sub.Run, sub.Run.Change()
	record, err := encodeRun(run)
	if err != nil {
		return pipeline.Receipt{}, fmt.Errorf("enqueue a run of %s: %w", run.Subject(), err)
	}
	joining, err := json.Marshal(change)
	if err != nil {
		return pipeline.Receipt{}, fmt.Errorf("enqueue a run of %s: %w", run.Subject(), err)
	}
	reply, err := s.do(ctx, enqueueScript,
		run.Environment, sub.EventID, change.EventID, string(run.Cause), sub.Thing, sub.Key, change.Name, change.Image,
		run.Parent, millis(sub.Due), stamp(run.Submitted), record, joining, seconds(keepEvents), seconds(keepRuns))
	if err != nil {
		return pipeline.Receipt{}, fmt.Errorf("enqueue a run of %s: %w", run.Subject(), err)
	}
	receipt := pipeline.Receipt{Outcome: reply[0].(string), Run: reply[1].(string)}
	for _, id := range reply[2:] {
		receipt.Superseded = append(receipt.Superseded, id.(string))
	}
	return receipt, nil
}

// Lua shared by the scripts that change runs. Every change of a run counts in its rev.
const changing = `
local function run_set(id, ...)
  redis.call('HSET', key('run', id), ...)
  redis.call('HINCRBY', key('run', id), 'rev', 1)
end

local function run_append(id, field, other)
  local list = redis.call('HGET', key('run', id), field)
  run_set(id, field, list and list ~= '' and list .. ',' .. other or other)
end

-- What makes a run final: it is no longer open, and will expire.
local function run_end(id, environment, keep)
  redis.call('ZREM', key('open', environment), id)
  redis.call('EXPIRE', key('run', id), keep)
end
`

var enqueueScript = redis.NewScript(common + changing + `
local environment, event, source, cause, thing, identity, name, image = unpack(ARGV, 2, 9)
local parent, due, at, record, joining, keep_event, keep_run = unpack(ARGV, 10, 16)
local lane, open = 'environment/' .. environment, key('open', environment)

-- A run that has expired is nothing to point at.
local function existing(id)
  return id and redis.call('EXISTS', key('run', id)) == 1 and id or ''
end

local function receipt(outcome, id, superseded)
  if event ~= '' then redis.call('SET', key('event', event), id, 'EX', keep_event) end
  if source ~= '' and id ~= '' and cause == 'change' then
    redis.call('SADD', key('event-runs', source), id)
    redis.call('EXPIRE', key('event-runs', source), keep_event)
  end
  return {outcome, id, unpack(superseded or {})}
end

local function join(id)
  run_set(id, 'joined', joining, 'image', image)
  if redis.call('HEXISTS', lane_key(prefix, lane, 'place'), id) == 1 then lane_push(prefix, lane, id, 0) end
  return receipt('joined', id)
end

-- The receipt of a change that is known already.
local function known()
  for _, id in ipairs(redis.call('ZRANGE', open, 0, -1)) do
    local run = redis.call('HMGET', key('run', id), 'thing', 'key', 'image', 'state')
    if run[1] == thing and run[2] == identity then
      if image == '' or run[3] ~= '' then return receipt('repeat', id) end
      if run[4] == 'waiting' then return join(id) end
    end
  end
  local installed = redis.call('HMGET', key('origin', environment, thing), 'key', 'run')
  if installed[1] == identity then return receipt('repeat', existing(installed[2])) end
end

local function supersede(successor)
  local superseded = {}
  for _, id in ipairs(redis.call('ZRANGE', open, 0, -1)) do
    local run = redis.call('HMGET', key('run', id), 'thing', 'state')
    if run[1] == thing and run[2] == 'waiting' and lane_remove(prefix, lane, id) then
      run_set(id, 'state', 'superseded', 'successor', successor, 'ended', at)
      run_end(id, environment, keep_run)
      superseded[#superseded + 1] = id
    end
  end
  return superseded
end

local seen = event ~= '' and redis.call('GET', key('event', event))
if seen then return {'repeat', existing(seen)} end
if cause == 'change' and identity ~= '' then
  local found = known()
  if found then return found end
end

local number = redis.call('INCR', prefix .. 'runs')
local id = 'R' .. number
local superseded = cause == 'change' and thing ~= '' and supersede(id) or {}
if parent ~= '' then
  identity = redis.call('HGET', key('run', parent), 'key') or ''
  if existing(parent) ~= '' then run_append(parent, 'reruns', id) end
end
run_set(id, 'record', record, 'state', 'waiting', 'environment', environment, 'thing', thing, 'key', identity,
  'image', image, 'position', redis.call('ZCARD', open), 'supersedes', table.concat(superseded, ','))
redis.call('ZADD', open, number, id)
if name ~= '' then redis.call('SET', key('latest', name), id) end
lane_push(prefix, lane, id, due)
return receipt('accepted', id, superseded)`)

// Event lists the runs that an event led to, oldest first.
func (s *Store) Event(ctx context.Context, id string) ([]string, error) {
	runs, err := s.redis().SMembers(ctx, s.key("event-runs", id)).Result()
	if err != nil {
		return nil, fmt.Errorf("runs of event %s: %w", id, err)
	}
	slices.SortFunc(runs, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return runs, nil
}

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
