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
//	lane:{n}:hold     string  ms until which nothing that waits is taken; 0 until released
//	lane:{n}:lease    hash  item, place, failures, since, rest; fence, holder, deadline while held
//
// The item in the lease has begun: it is no longer waiting, and whoever takes
// the lane next goes on with it unless its holder finished it or let others go
// ahead. That is so also while the lane is on hold. Nobody takes the lane before
// rest, in ms.
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

// Append is Lua source for scripts that change a lane and records of their own
// at once. Its functions wake the drains themselves; times are Unix times in
// milliseconds.
//
//	lane_push(prefix, lane, id, due_ms)         as Lanes.Push; 0 for at once
//	lane_push_behind(prefix, lane, id, due_ms)  behind all that was not pushed so, also behind what comes later
//	lane_put_back(prefix, lane, id, place)      has what was taken out wait at its old place, due at once
//	lane_waits(prefix, lane, id)                whether it waits: has not begun and was not taken out
//	lane_due_of(prefix, lane, id)               the ms at which what waits is due, 0 for at once; false when it does not wait
//	lane_yielding(prefix, lane)                 how many of those that are due will let a lane_push go ahead
//	lane_remove(prefix, lane, id)               takes out what waits and returns its place; false when it does not wait
//	lane_ready(prefix, lane)                    the ids that could be taken now, in order; none while the lane is on hold
//	lane_hold(prefix, lane, until_ms)           has nothing be taken that waits; 0 until it is released
//	lane_release(prefix, lane)
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

-- When the first of what waits is due, in ms; nil when nothing does.
local function lane_first_due(prefix, lane)
  if redis.call('EXISTS', lane_key(prefix, lane, 'ready')) == 1 then return 0 end
  local first = redis.call('ZRANGE', lane_key(prefix, lane, 'later'), 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2])
end

-- When the hold on the lane ends, in ms: 0 when it is on none, infinite when it has to be released.
local function lane_held_until(prefix, lane)
  local hold = redis.call('GET', lane_key(prefix, lane, 'hold'))
  return hold == '0' and math.huge or tonumber(hold or 0)
end

-- When the lane can next be taken, in ms; nil when it cannot before somebody changes it.
local function lane_due(prefix, lane)
  local lease = redis.call('HMGET', lane_key(prefix, lane, 'lease'), 'item', 'deadline', 'rest')
  if lease[1] then return math.max(tonumber(lease[2] or 0), tonumber(lease[3] or 0)) end
  local due = lane_first_due(prefix, lane)
  due = due and math.max(due, lane_held_until(prefix, lane))
  if due ~= math.huge then return due end
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

local function lane_waits(prefix, lane, id)
  return redis.call('HEXISTS', lane_key(prefix, lane, 'place'), id) == 1
end

local function lane_due_of(prefix, lane, id)
  return lane_waits(prefix, lane, id) and tonumber(redis.call('ZSCORE', lane_key(prefix, lane, 'later'), id) or 0)
end

-- More places than are ever given.
local lane_behind = 2 ^ 40

-- What waits keeps its place. What is new gets the next one after those skipped.
local function lane_append(prefix, lane, id, due_ms, skipped)
  local place = redis.call('HGET', lane_key(prefix, lane, 'place'), id)
    or redis.call('INCR', prefix .. 'lanes:counter') + skipped
  lane_put(prefix, lane, id, place, tonumber(due_ms))
  lane_schedule(prefix, lane)
end

local function lane_push(prefix, lane, id, due_ms) lane_append(prefix, lane, id, due_ms, 0) end

local function lane_push_behind(prefix, lane, id, due_ms) lane_append(prefix, lane, id, due_ms, lane_behind) end

local function lane_yielding(prefix, lane)
  return redis.call('ZCOUNT', lane_key(prefix, lane, 'ready'), lane_behind, '+inf')
end

local function lane_put_back(prefix, lane, id, place)
  lane_put(prefix, lane, id, place, 0)
  lane_schedule(prefix, lane)
end

local function lane_remove(prefix, lane, id)
  local place = redis.call('HGET', lane_key(prefix, lane, 'place'), id)
  if not place then return false end
  redis.call('HDEL', lane_key(prefix, lane, 'place'), id)
  redis.call('ZREM', lane_key(prefix, lane, 'ready'), id)
  redis.call('ZREM', lane_key(prefix, lane, 'later'), id)
  lane_schedule(prefix, lane)
  return place
end

-- Has what is due by now be ready; false while the lane is on hold.
local function lane_ripen(prefix, lane)
  local now = lane_now()
  if lane_held_until(prefix, lane) > now then return false end
  local ready, later = lane_key(prefix, lane, 'ready'), lane_key(prefix, lane, 'later')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', later, '-inf', now)) do
    redis.call('ZREM', later, id)
    redis.call('ZADD', ready, redis.call('HGET', lane_key(prefix, lane, 'place'), id), id)
  end
  return true
end

local function lane_ready(prefix, lane)
  return lane_ripen(prefix, lane) and redis.call('ZRANGE', lane_key(prefix, lane, 'ready'), 0, -1) or {}
end

-- A hold that has passed is none, and on a real Redis it expires.
local function lane_hold(prefix, lane, until_ms)
  local hold = lane_key(prefix, lane, 'hold')
  redis.call('SET', hold, until_ms)
  if tonumber(until_ms) > 0 then redis.call('PEXPIREAT', hold, until_ms) end
  lane_schedule(prefix, lane)
end

local function lane_release(prefix, lane)
  redis.call('DEL', lane_key(prefix, lane, 'hold'))
  lane_schedule(prefix, lane)
end
`

// taking defines lane_take: the begun item, or else the first that is due, goes
// into a fresh lease under the next fence. The caller has made sure that the
// lane is free, and schedules it afterwards.
const taking = `
local function lane_first(prefix, lane)
  if not lane_ripen(prefix, lane) then return false end
  local place, ready = lane_key(prefix, lane, 'place'), lane_key(prefix, lane, 'ready')
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
  if not item[1] then item = lane_first(prefix, lane) end
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
local due = lane_due_of(prefix, lane, item) or tonumber(ARGV[6])
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
