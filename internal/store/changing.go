package store

import "fmt"

// Lua shared by the scripts that change runs. Every change of a run counts in its rev.
var changing = fmt.Sprintf("local keep_runs, newest = %d, %d", seconds(keepRuns), newest) + `
local function final(state) return state ~= 'waiting' and state ~= 'running' end

local function run_touch(id) redis.call('HINCRBY', key('run', id), 'rev', 1) end

local function run_set(id, ...)
  redis.call('HSET', key('run', id), ...)
  run_touch(id)
end

local function run_append(id, field, other)
  local list = redis.call('HGET', key('run', id), field)
  run_set(id, field, list and list ~= '' and list .. ',' .. other or other)
end

-- Whoever changes a run or a hold tells of it at once. A timer does too, in case they die before that.
local function tell_later(id, environment)
  lane_push(prefix, 'timer/' .. environment, 'tell/' .. id, lane_now() + 5000)
end

-- The metrics whose regressions, which belong to the run, have no end.
local function run_standing(id)
  local run, standing = key('run', id), {}
  for _, field in ipairs(redis.call('HKEYS', run)) do
    local metric = string.match(field, '^regression/(.*)$')
    if metric and redis.call('HEXISTS', run, 'ended/' .. metric) == 0 then standing[#standing + 1] = metric end
  end
  return standing
end

local function run_pinned(id, environment)
  for _, pin in ipairs(redis.call('HVALS', key('pins', environment))) do
    if cjson.decode(pin).run == id then return true end
  end
end

-- A run that is over expires, but not while one of its regressions stands, nor while it is somebody's baseline.
local function run_expire(id)
  local state, environment = unpack(redis.call('HMGET', key('run', id), 'state', 'environment'))
  if final(state) and not run_pinned(id, environment) and #run_standing(id) == 0 then
    redis.call('EXPIRE', key('run', id), keep_runs)
  else
    redis.call('PERSIST', key('run', id))
  end
end

-- What makes a run final: it is no longer open, and will expire.
local function run_end(id)
  local environment, thing = unpack(redis.call('HMGET', key('run', id), 'environment', 'thing'))
  redis.call('ZREM', key('open', environment), id)
  redis.call('ZREM', key('open', environment, thing), id)
  run_expire(id)
end

-- Lists a run as one of the newest of its series.
local function run_list(id, series, number)
  redis.call('ZADD', key('newest', series), number, id)
  redis.call('ZREMRANGEBYRANK', key('newest', series), 0, -1 - newest)
end

local function run_replace(id, successor, at)
  run_set(id, 'state', 'superseded', 'successor', successor, 'ended', at)
  run_end(id)
end

-- Takes out a waiting run; false when it has begun. One that asked for an approval left nothing half done, also while its
-- holder has yet to let go of it: that one then comes once more, to be told.
local function run_withdraw(id, lane)
  if lane_remove(prefix, lane, id) then return true end
  if redis.call('HEXISTS', key('run', id), 'asked') == 0 then return false end
  lane_push(prefix, lane, id, 0)
  return true
end

-- Somebody has to be told when a run still waits so long after it was due.
local function run_patience(id, environment, due)
  redis.call('HDEL', key('run', id), 'overdue')
  local patience = tonumber(redis.call('HGET', key('run', id), 'patience') or 0)
  if patience > 0 then lane_push(prefix, 'timer/' .. environment, 'wait/' .. id, math.max(due, lane_now()) + patience) end
end
`
