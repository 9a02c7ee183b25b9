package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Lua for the runs that are led by another one. They are open and wait, or run, but not in the lane.
//
// A run that waits again gives way to a newer change of the same thing, which it could not while it was at work: in the end
// the older one must not be what is installed.
const leading = `
local function number(id) return tonumber(string.sub(id, 2)) or 0 end

-- The run of a newer change: an open one, or the one that is installed. Nil when there is none.
local function newer_than(id, environment, thing)
  local others = redis.call('ZREVRANGE', key('open', environment, thing), 0, -1)
  others[#others + 1] = redis.call('HGET', key('origin', environment, thing), 'run') or ''
  for _, other in ipairs(others) do
    if number(other) > number(id) and redis.call('HGET', key('run', other), 'cause') == 'change' then return other end
  end
end

-- Whether it did, as of this time.
local function gives_way(id, at)
  local environment, thing = unpack(redis.call('HMGET', key('run', id), 'environment', 'thing'))
  local newer = newer_than(id, environment, thing)
  if not newer then return false end
  run_replace(id, newer, at)
  run_append(newer, 'supersedes', id)
  for _, changed in ipairs({id, newer}) do tell_later(changed, environment) end
  return true
end

local function goes_on(id)
  local state = redis.call('HGET', key('run', id), 'state')
  return state == 'waiting' or state == 'running'
end

local function wait_again(id, leader, at, part)
  local run = redis.call('HMGET', key('run', id), 'leader', 'place', 'environment')
  if run[1] ~= leader or not goes_on(id) then return end
  redis.call('HDEL', key('run', id), 'leader', 'place', 'part')
  tell_later(id, run[3])
  if gives_way(id, at) then return end
  run_set(id, 'state', 'waiting', unpack(part and {'part', part} or {}))
  lane_put_back(prefix, lane, id, run[2])
  run_patience(id, run[3], 0)
end

local function led_by(leader) return string.gmatch(redis.call('HGET', key('run', leader), 'batch') or '', '[^,]+') end

local function leave(leader, at)
  for id in led_by(leader) do wait_again(id, leader, at) end
end
`

// Gather leaves what waits where it is while the environment is on hold.
func (s *Store) Gather(ctx context.Context, lease pipeline.Lease, leader string) ([]string, error) {
	reply, err := s.do(ctx, gatherScript, environmentLane(lease.Environment), lease.Fence, leader)
	if err != nil {
		return nil, fmt.Errorf("gather what waits with run %s: %w", leader, err)
	}
	return split(reply[0].(string)), nil
}

var gatherScript = redis.NewScript(fenced + changing + `
local leader = ARGV[4]
local own = redis.call('HMGET', key('run', leader), 'batch', 'thing', 'part')
if not own[2] then return redis.error_reply('ABSENT') end
if own[1] then return {own[1]} end

local batch, things = {}, {[own[2]] = true}
for _, id in ipairs(lane_ready(prefix, lane)) do
  local run = redis.call('HMGET', key('run', id), 'cause', 'thing', 'part')
  local service = run[1] == 'change' and string.find(run[2], '^service:')
  if service and run[3] == own[3] and not things[run[2]] then
    batch[#batch + 1], things[run[2]] = id, true
    run_set(id, 'leader', leader, 'place', lane_remove(prefix, lane, id))
  end
end
run_set(leader, 'batch', table.concat(batch, ','))
return {table.concat(batch, ',')}`)

// Part has a leader that is part of something itself gather anew, once all that it led wait again or are over.
func (s *Store) Part(ctx context.Context, lease pipeline.Lease, leader string, runs []string) error {
	_, err := s.do(ctx, partScript, environmentLane(lease.Environment), lease.Fence, leader, strings.Join(runs, ","), stamp(s.Lanes.Time()))
	return wrap(err, "part the batch of run %s", leader)
}

var partScript = redis.NewScript(fenced + changing + leading + `
local leader, runs, at = unpack(ARGV, 4, 6)
local part, leaving, led, through = string.match(runs, '[^,]+'), {}, {}, true
for id in string.gmatch(runs, '[^,]+') do
  leaving[id] = true
  if id == leader then run_set(id, 'part', part) else wait_again(id, leader, at, part) end
end
for id in led_by(leader) do
  if not leaving[id] then
    led[#led + 1] = id
    through = through and not goes_on(id)
  end
end
run_set(leader, 'batch', table.concat(led, ','))
if through and redis.call('HEXISTS', key('run', leader), 'part') == 1 then redis.call('HDEL', key('run', leader), 'batch') end`)
