package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Lua to look at holds. Scripts that read them return what hold_read does.
//
// A hold is a hash:
//
//	record     JSON, as it began
//	until      ms after which it is none; 0 when it ends otherwise
//	before     the hold whose place it took; that one ends with it
//	released   JSON of the mark that ended it
const holds = `
-- The hold that an environment is on, or false.
local function hold_of(environment)
  local id = redis.call('GET', key('held', environment))
  local until_ms = id and tonumber(redis.call('HGET', key('hold', id), 'until'))
  return id and (until_ms == 0 or until_ms > lane_now()) and id
end

local function hold_read(id) return {id, id and redis.call('HGETALL', key('hold', id))} end
`

// Lua to begin and end holds.
var changingHolds = changing + holds + `
-- The threads of the runs that wait say whether that is because of a hold.
local function hold_touch(environment)
  for _, id in ipairs(redis.call('ZRANGE', key('open', environment), 0, -1)) do
    if redis.call('HGET', key('run', id), 'state') == 'waiting' then run_touch(id) end
  end
end

local function hold_begin(environment, record, until_ms)
  local id = 'H' .. redis.call('INCR', prefix .. 'holds')
  redis.call('HSET', key('hold', id), 'record', record, 'until', until_ms)
  redis.call('SET', key('held', environment), id)
  lane_hold(prefix, 'environment/' .. environment, until_ms)
  if tonumber(until_ms) > 0 then lane_push(prefix, 'timer/' .. environment, 'hold/' .. id, until_ms) end
  hold_touch(environment)
  return id
end

-- Marks a hold, and the one whose place it took, which its holder did not end: that has to be told.
local function hold_mark(id, environment, mark)
  local hold = key('hold', id)
  redis.call('HSET', hold, 'released', mark)
  redis.call('EXPIRE', hold, keep_runs)
  lane_remove(prefix, 'timer/' .. environment, 'hold/' .. id)
  local before = redis.call('HGET', hold, 'before')
  if not before then return end
  hold_mark(before, environment, mark)
  lane_push(prefix, 'timer/' .. environment, 'hold/' .. before, 0)
end

local function hold_end(id, environment, mark)
  hold_mark(id, environment, mark)
  if redis.call('GET', key('held', environment)) ~= id then return end
  redis.call('DEL', key('held', environment))
  lane_release(prefix, 'environment/' .. environment)
  hold_touch(environment)
end
`

// Hold keeps an environment from starting another run, because a person wants that. One that is on hold stays so: the hold
// returned is then the one it is on.
func (s *Store) Hold(ctx context.Context, h pipeline.Hold) (pipeline.Hold, error) {
	record, err := json.Marshal(h)
	if err != nil {
		return pipeline.Hold{}, fmt.Errorf("hold %s: %w", h.Environment, err)
	}
	hold, err := s.changeHold(ctx, holdScript, h.Environment, record, millis(h.Until))
	return hold, wrap(err, "hold %s", h.Environment)
}

var holdScript = redis.NewScript(common + changingHolds + `
local environment, record, until_ms = unpack(ARGV, 2, 4)
local id = hold_of(environment)
if not id then
  id = hold_begin(environment, record, until_ms)
  tell_later(id, environment)
end
return hold_read(id)`)

// Unwell takes the place of a hold that the environment is on already: what a person meant to end in an hour must not end
// before somebody has looked after the environment. A run whose hold was released already begins another one.
func (s *Store) Unwell(ctx context.Context, lease pipeline.Lease, h pipeline.Hold) (pipeline.Hold, error) {
	h.Until = time.Time{}
	record, err := json.Marshal(h)
	if err != nil {
		return pipeline.Hold{}, fmt.Errorf("hold %s, which %s left unwell: %w", h.Environment, h.Run, err)
	}
	hold, err := s.changeHold(ctx, unwellScript, environmentLane(lease.Environment), lease.Fence, lease.Environment, h.Run, record)
	return hold, wrap(err, "hold %s, which %s left unwell", lease.Environment, h.Run)
}

var unwellScript = redis.NewScript(fenced + changingHolds + `
local environment, run, record = unpack(ARGV, 4, 6)
local known = redis.call('HGET', key('run', run), 'hold')
if known and redis.call('HEXISTS', key('hold', known), 'released') == 0 then return hold_read(known) end
local before = hold_of(environment)
local id = hold_begin(environment, record, 0)
redis.call('HSET', key('run', run), 'hold', id)
if before then
  redis.call('HSET', key('hold', id), 'before', before)
  redis.call('HSET', key('hold', before), 'until', 0)
  lane_remove(prefix, 'timer/' .. environment, 'hold/' .. before)
end
return hold_read(id)`)

// Release ends the hold that the environment is on; bot.ErrNotFound when it is on none.
func (s *Store) Release(ctx context.Context, environment string, m pipeline.Mark) (pipeline.Hold, error) {
	mark, err := json.Marshal(m)
	if err != nil {
		return pipeline.Hold{}, fmt.Errorf("release %s: %w", environment, err)
	}
	hold, err := s.changeHold(ctx, releaseScript, environment, mark)
	return hold, wrap(err, "release %s", environment)
}

var releaseScript = redis.NewScript(common + changingHolds + `
local environment, mark = ARGV[2], ARGV[3]
local id = hold_of(environment)
if not id then return redis.error_reply('ABSENT') end
hold_end(id, environment, mark)
tell_later(id, environment)
return hold_read(id)`)

// Expire notes that the time of a hold ran out, if it did. It returns the hold as it then is; bot.ErrNotFound for one that
// is no longer kept.
func (s *Store) Expire(ctx context.Context, id string) (pipeline.Hold, error) {
	hold, err := s.LoadHold(ctx, id)
	if err != nil || hold.Until.IsZero() {
		return hold, err
	}
	mark, err := json.Marshal(pipeline.Mark{Name: "its time ran out", At: hold.Until})
	if err != nil {
		return hold, fmt.Errorf("end hold %s: %w", id, err)
	}
	hold, err = s.changeHold(ctx, expireScript, id, hold.Environment, mark)
	return hold, wrap(err, "end hold %s", id)
}

var expireScript = redis.NewScript(common + changingHolds + `
local id, environment, mark = unpack(ARGV, 2, 4)
local until_ms, released = unpack(redis.call('HMGET', key('hold', id), 'until', 'released'))
until_ms = tonumber(until_ms or 0)
if until_ms > 0 and until_ms <= lane_now() and not released then hold_end(id, environment, mark) end
return hold_read(id)`)

// Held is the hold that an environment is on, or nil.
func (s *Store) Held(ctx context.Context, environment string) (*pipeline.Hold, error) {
	reply, err := s.do(ctx, heldScript, environment)
	if err != nil || reply[0] == nil {
		return nil, wrap(err, "hold of %s", environment)
	}
	return s.decodeHold(reply)
}

var heldScript = redis.NewScript(common + holds + `return hold_read(hold_of(ARGV[2]))`)

// LoadHold reads a hold, also for 90 days after its end.
func (s *Store) LoadHold(ctx context.Context, id string) (pipeline.Hold, error) {
	hold, err := s.changeHold(ctx, loadHoldScript, id)
	return hold, wrap(err, "load hold %s", id)
}

var loadHoldScript = redis.NewScript(common + holds + `
if redis.call('EXISTS', key('hold', ARGV[2])) == 0 then return redis.error_reply('ABSENT') end
return hold_read(ARGV[2])`)

// changeHold runs a script that returns one hold.
func (s *Store) changeHold(ctx context.Context, script *redis.Script, args ...any) (pipeline.Hold, error) {
	reply, err := s.do(ctx, script, args...)
	if err != nil {
		return pipeline.Hold{}, err
	}
	hold, err := s.decodeHold(reply)
	if err != nil {
		return pipeline.Hold{}, err
	}
	return *hold, nil
}

// decodeHold reads the reply of hold_read.
func (s *Store) decodeHold(reply []any) (*pipeline.Hold, error) {
	id := reply[0].(string)
	f := s.fields(reply[1], "hold", id)
	var hold pipeline.Hold
	f.json("record", &hold)
	f.json("released", &hold.Released)
	hold.ID = id
	return &hold, f.err
}
