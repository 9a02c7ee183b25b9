package lane

import "github.com/redis/go-redis/v9"

// Keys, all under Lanes.Prefix; an idle, empty lane leaves none behind:
//
//	lanes             zset  lane -> ms at which it should next be looked at
//	lanes:counter     int   source of places and fences, never reset
//	lanes:wake        pub/sub channel carrying lane names
//	lane:{n}:place    hash  waiting id -> place in the order
//	lane:{n}:ready    zset  waiting ids that are due, by place
//	lane:{n}:later    zset  waiting ids not yet due, by ms
//	lane:{n}:lease    hash  item, place, failures, since, rest; fence, holder, deadline while held
//
// The item in the lease has begun: it is no longer waiting, and whoever takes
// the lane next goes on with it unless its holder finished it or let others go
// ahead. Nobody takes the lane before rest, in ms.
const base = `
local function lane_key(prefix, lane, part)
  return prefix .. 'lane:{' .. lane .. '}:' .. part
end
local function lane_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`

// Guard is Lua source that defines lane_held(prefix, lane, fence): true while
// that fence holds an unexpired lease. Put it in front of a script that writes
// on behalf of a holder:
//
//	redis.NewScript(lane.Guard + `
//	  if not lane_held(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
//	  …`)
//
// Guard and Append may be joined, in any order. The functions build their keys
// themselves, which one Redis primary allows and a cluster does not.
const Guard = base + `
local function lane_held(prefix, lane, fence)
  local lease = redis.call('HMGET', lane_key(prefix, lane, 'lease'), 'fence', 'deadline')
  return lease[1] == tostring(fence) and tonumber(lease[2]) > lane_now()
end
`

// Append is Lua source that defines lane_push(prefix, lane, id, due_ms) and
// lane_remove(prefix, lane, id), for scripts that change a lane and records of
// their own at once. lane_push behaves as Lanes.Push does; lane_remove takes out
// an item that waits, and returns false when it has begun or is not there. Both
// wake the drains themselves; due_ms is Unix time in milliseconds, 0 for at once.
//
//	redis.NewScript(lane.Append + `
//	  if redis.call('SETNX', ARGV[1] .. 'claim:' .. ARGV[3], 1) == 0 then return 0 end
//	  lane_push(ARGV[1], ARGV[2], ARGV[3], 0)
//	  return 1`)
const Append = base + `
local function lane_put(prefix, lane, id, place, due)
  local ready, later = lane_key(prefix, lane, 'ready'), lane_key(prefix, lane, 'later')
  redis.call('HSET', lane_key(prefix, lane, 'place'), id, place)
  if due > lane_now() then
    redis.call('ZREM', ready, id)
    redis.call('ZADD', later, due, id)
  else
    redis.call('ZREM', later, id)
    redis.call('ZADD', ready, place, id)
  end
end

-- When the lane can next be taken, in ms; nil when it is empty.
local function lane_due(prefix, lane)
  local lease = redis.call('HMGET', lane_key(prefix, lane, 'lease'), 'item', 'deadline', 'rest')
  if lease[1] then return math.max(tonumber(lease[2] or 0), tonumber(lease[3] or 0)) end
  if redis.call('EXISTS', lane_key(prefix, lane, 'ready')) == 1 then return 0 end
  local first = redis.call('ZRANGE', lane_key(prefix, lane, 'later'), 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2])
end

-- Ends every script that changed a lane: files it under its next due time, and
-- wakes the drains when that is now.
local function lane_schedule(prefix, lane)
  local due = lane_due(prefix, lane)
  if not due then
    redis.call('ZREM', prefix .. 'lanes', lane)
    return
  end
  redis.call('ZADD', prefix .. 'lanes', due, lane)
  if due <= lane_now() then redis.call('PUBLISH', prefix .. 'lanes:wake', lane) end
end

local function lane_push(prefix, lane, id, due_ms)
  local place = redis.call('HGET', lane_key(prefix, lane, 'place'), id)
    or redis.call('INCR', prefix .. 'lanes:counter')
  lane_put(prefix, lane, id, place, tonumber(due_ms))
  lane_schedule(prefix, lane)
end

local function lane_remove(prefix, lane, id)
  if redis.call('HDEL', lane_key(prefix, lane, 'place'), id) == 0 then return false end
  redis.call('ZREM', lane_key(prefix, lane, 'ready'), id)
  redis.call('ZREM', lane_key(prefix, lane, 'later'), id)
  lane_schedule(prefix, lane)
  return true
end
`

// taking defines lane_take: the begun item, or else the first that is due, goes
// into a fresh lease under the next fence. The caller has made sure that the
// lane is free, and schedules it afterwards.
const taking = `
local function lane_first(prefix, lane, now)
  local place = lane_key(prefix, lane, 'place')
  local ready, later = lane_key(prefix, lane, 'ready'), lane_key(prefix, lane, 'later')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', later, '-inf', now)) do
    redis.call('ZREM', later, id)
    redis.call('ZADD', ready, redis.call('HGET', place, id), id)
  end
  local id = redis.call('ZRANGE', ready, 0, 0)[1]
  if not id then return false end
  local first = {id, redis.call('HGET', place, id)}
  redis.call('ZREM', ready, id)
  redis.call('HDEL', place, id)
  return first
end

local function lane_take(prefix, lane, holder, lease_ms)
  local now, lease = lane_now(), lane_key(prefix, lane, 'lease')
  local item = redis.call('HMGET', lease, 'item', 'place', 'failures', 'rest')
  if tonumber(item[4] or 0) > now then return false end
  if not item[1] then item = lane_first(prefix, lane, now) end
  if not item then return false end
  local failures = tonumber(item[3] or 0)
  local fence = redis.call('INCR', prefix .. 'lanes:counter')
  redis.call('HSET', lease, 'item', item[1], 'place', item[2], 'failures', failures,
    'fence', fence, 'holder', holder, 'since', now, 'deadline', now + tonumber(lease_ms))
  return {item[1], failures, fence}
end

-- Takes the next item where the holder wants one, else leaves the lane free.
local function lane_next(prefix, lane, holder, lease_ms)
  local taken = tonumber(lease_ms) > 0 and lane_take(prefix, lane, holder, lease_ms)
  lane_schedule(prefix, lane)
  return taken
end
`

// holding begins the scripts of a holder. The arguments of every script are
// prefix, lane, then fence or id, then what the verb needs.
const holding = Guard + Append + taking + `
local prefix, lane, fence = ARGV[1], ARGV[2], ARGV[3]
if not lane_held(prefix, lane, fence) then return redis.error_reply('LANELOST another has the lane') end
local lease = lane_key(prefix, lane, 'lease')
`

// lost is the error code of holding's refusal.
const lost = "LANELOST"

var (
	pushScript = redis.NewScript(Append + `lane_push(ARGV[1], ARGV[2], ARGV[3], ARGV[4])`)

	// dueScript lists the lanes with the name prefix ARGV[2] that can be taken.
	dueScript = redis.NewScript(base + `
local due = {}
for _, lane in ipairs(redis.call('ZRANGEBYSCORE', ARGV[1] .. 'lanes', '-inf', lane_now())) do
  if string.sub(lane, 1, #ARGV[2]) == ARGV[2] then due[#due + 1] = lane end
end
return due`)

	// takeScript: prefix, lane, holder, lease.
	takeScript = redis.NewScript(Append + taking + `
local deadline = redis.call('HGET', lane_key(ARGV[1], ARGV[2], 'lease'), 'deadline')
if tonumber(deadline or 0) > lane_now() then return false end
return lane_next(ARGV[1], ARGV[2], ARGV[3], ARGV[4])`)

	// renewScript: prefix, lane, fence, lease.
	renewScript = redis.NewScript(holding + `
redis.call('HSET', lease, 'deadline', lane_now() + tonumber(ARGV[4]))
lane_schedule(prefix, lane)`)

	// finishScript: prefix, lane, fence, holder, lease (0: take no other).
	finishScript = redis.NewScript(holding + `
redis.call('DEL', lease)
return lane_next(prefix, lane, ARGV[4], ARGV[5])`)

	// yieldScript: as finishScript, then the due time with which the item waits
	// again, at its place. One pushed again in the meantime keeps that push's.
	yieldScript = redis.NewScript(holding + `
local item, place = unpack(redis.call('HMGET', lease, 'item', 'place'))
local due = tonumber(ARGV[6])
if redis.call('HEXISTS', lane_key(prefix, lane, 'place'), item) == 1 then
  due = tonumber(redis.call('ZSCORE', lane_key(prefix, lane, 'later'), item) or 0)
end
redis.call('DEL', lease)
lane_put(prefix, lane, item, place, due)
return lane_next(prefix, lane, ARGV[4], ARGV[5])`)

	// restScript: prefix, lane, fence, ms until which the lane rests, failures to
	// count. It leaves the begun item to the next holder.
	restScript = redis.NewScript(holding + `
redis.call('HDEL', lease, 'holder', 'fence', 'deadline')
redis.call('HSET', lease, 'rest', ARGV[4])
redis.call('HINCRBY', lease, 'failures', ARGV[5])
lane_schedule(prefix, lane)`)
)
