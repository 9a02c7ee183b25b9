package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Lua for the runs that are led by another one. They are open and wait, or run, but not in the lane.
const leading = `
local function goes_on(id)
  local state = redis.call('HGET', key('run', id), 'state')
  return state == 'waiting' or state == 'running'
end

local function wait_again(id, leader, part)
  local run = redis.call('HMGET', key('run', id), 'leader', 'place')
  if run[1] ~= leader or not goes_on(id) then return end
  redis.call('HDEL', key('run', id), 'leader', 'place', 'part')
  run_set(id, 'state', 'waiting', unpack(part and {'part', part} or {}))
  lane_put_back(prefix, lane, id, run[2])
end

local function led_by(leader) return string.gmatch(redis.call('HGET', key('run', leader), 'batch') or '', '[^,]+') end

local function leave(leader)
  for id in led_by(leader) do wait_again(id, leader) end
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
	_, err := s.do(ctx, partScript, environmentLane(lease.Environment), lease.Fence, leader, strings.Join(runs, ","))
	return wrap(err, "part the batch of run %s", leader)
}

var partScript = redis.NewScript(fenced + changing + leading + `
local leader, runs = ARGV[4], ARGV[5]
local part, leaving, led, through = string.match(runs, '[^,]+'), {}, {}, true
for id in string.gmatch(runs, '[^,]+') do
  leaving[id] = true
  if id == leader then run_set(id, 'part', part) else wait_again(id, leader, part) end
end
for id in led_by(leader) do
  if not leaving[id] then
    led[#led + 1] = id
    through = through and not goes_on(id)
  end
end
run_set(leader, 'batch', table.concat(led, ','))
if through and redis.call('HEXISTS', key('run', leader), 'part') == 1 then redis.call('HDEL', key('run', leader), 'batch') end`)
