package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Acknowledge leaves a mark on the run, or on a scenario or a metric of it. The first one that covers these stays until it
// lapses; only who left it may put another in its place. Somebody is told when it lapses, see Lapse, and whoever left it before
// that, see Remind. It returns the run as it then is.
func (s *Store) Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	args := []any{m.By, millis(m.Until), millis(remindAt(m)), suffix(m)}
	for _, wider := range []pipeline.Mark{{Scope: m.Scope}, {Metric: m.Metric}, {}} {
		args = append(args, suffix(wider))
	}
	return s.mark(ctx, acknowledgeScript, id, m, args...)
}

// remindAt is when somebody has to hear that the time of an acknowledgement will be over.
func remindAt(m pipeline.Mark) time.Time {
	if m.Until.IsZero() {
		return time.Time{}
	}
	return m.Until.Add(-min(m.Until.Sub(m.At)/4, longestLead))
}

// longestLead is how long before the end of an acknowledgement somebody is reminded of it, at most.
const longestLead = 24 * time.Hour

// suffix is how the fields of what a mark is about end. No name has a slash in it.
func suffix(m pipeline.Mark) string {
	switch {
	case m.Metric != "":
		return "/" + m.Scope + "/" + string(m.Metric)
	case m.Scope != "":
		return "/" + m.Scope
	}
	return ""
}

// Lua for acknowledgements, each in a field of its own: acknowledged is about the whole run, acknowledged/cart about a
// scenario, acknowledged/cart/p95 about a metric of it, acknowledged//p95 about that of all. The fields until and until/cart are
// the ms at which they lapse, remind and remind/cart those at which somebody has to be reminded.
const acknowledging = `
-- The timer is due when the first of them is.
local function acknowledgement_at(what, id, environment, due)
  local timer, item = 'timer/' .. environment, what .. '/' .. id
  local known = lane_due_of(prefix, timer, item)
  if not known or due < known then lane_push(prefix, timer, item, due) end
end

-- The acknowledgements for which that field is due, as what their fields end in. The timer comes again for the others.
local function acknowledgements_due(what, field, id)
  local run, due = key('run', id), {}
  local environment = redis.call('HGET', run, 'environment')
  for _, name in ipairs(environment and redis.call('HKEYS', run) or {}) do
    local about = name == field and '' or string.match(name, '^' .. field .. '(/.*)$')
    local ms = about and tonumber(redis.call('HGET', run, name))
    if ms and ms <= lane_now() then
      due[#due + 1] = about
    elseif ms then
      acknowledgement_at(what, id, environment, ms)
    end
  end
  return environment and due
end
`

var acknowledgeScript = redis.NewScript(common + changing + acknowledging + `
local id, mark, by, until_ms, remind_ms, about = unpack(ARGV, 2, 7)
local run = key('run', id)
local environment, before = unpack(redis.call('HMGET', run, 'environment', 'acknowledged' .. about))
if not environment then return redis.error_reply('ABSENT') end
if before and cjson.decode(before).by ~= by then return end
for i = 8, before and 0 or #ARGV do
  if redis.call('HEXISTS', run, 'acknowledged' .. ARGV[i]) == 1 then return end
end
run_set(id, 'acknowledged' .. about, mark)
redis.call('HDEL', run, 'until' .. about, 'remind' .. about)
if tonumber(until_ms) > 0 then
  redis.call('HSET', run, 'until' .. about, until_ms, 'remind' .. about, remind_ms)
  acknowledgement_at('ack', id, environment, tonumber(until_ms))
  acknowledgement_at('remind', id, environment, tonumber(remind_ms))
end
tell_later(id, environment)`)

// Lapse ends the acknowledgements of a run whose time is over. Some stay for good instead, because nobody would miss them. It
// returns the run as it then is.
func (s *Store) Lapse(ctx context.Context, id string, outlived []pipeline.Mark) (pipeline.Run, error) {
	if _, err := s.do(ctx, lapseScript, suffixes(id, outlived)...); err != nil {
		return pipeline.Run{}, fmt.Errorf("end acknowledgements of run %s: %w", id, err)
	}
	return s.Load(ctx, id)
}

func suffixes(id string, marks []pipeline.Mark) []any {
	args := []any{id}
	for _, m := range marks {
		args = append(args, suffix(m))
	}
	return args
}

// Lua that knows which acknowledgements are outlived.
const outliving = `
local id = ARGV[2]
local run, outlived = key('run', id), {}
for i = 3, #ARGV do outlived[ARGV[i]] = true end
`

var lapseScript = redis.NewScript(common + changing + acknowledging + outliving + `
local due = acknowledgements_due('ack', 'until', id)
if not due then return redis.error_reply('ABSENT') end
for _, about in ipairs(due) do
  redis.call('HDEL', run, 'until' .. about, 'remind' .. about)
  if not outlived[about] then
    run_append(id, 'lapsed', redis.call('HGET', run, 'acknowledged' .. about))
    redis.call('HDEL', run, 'acknowledged' .. about)
  end
end`)

// Remind notes of which acknowledgements of a run somebody has to be reminded, because their time is soon over: once, and not
// of those that nobody would miss. It returns the run as it then is.
func (s *Store) Remind(ctx context.Context, id string, outlived []pipeline.Mark) (pipeline.Run, error) {
	if _, err := s.do(ctx, remindScript, suffixes(id, outlived)...); err != nil {
		return pipeline.Run{}, fmt.Errorf("remind of acknowledgements of run %s: %w", id, err)
	}
	return s.Load(ctx, id)
}

var remindScript = redis.NewScript(common + changing + acknowledging + outliving + `
local due = acknowledgements_due('remind', 'remind', id)
if not due then return redis.error_reply('ABSENT') end
for _, about in ipairs(due) do
  redis.call('HDEL', run, 'remind' .. about)
  local ends = tonumber(redis.call('HGET', run, 'until' .. about) or 0)
  if ends > lane_now() and not outlived[about] then run_append(id, 'reminded', redis.call('HGET', run, 'acknowledged' .. about)) end
end`)

// acknowledged are the marks in force, oldest first.
func (f *fields) acknowledged() (marks []pipeline.Mark) {
	for _, name := range f.about("acknowledged") {
		var m pipeline.Mark
		f.json(name, &m)
		marks = append(marks, m)
	}
	slices.SortStableFunc(marks, func(a, b pipeline.Mark) int { return a.At.Compare(b.At) })
	return marks
}

// marks are those that Lua joined with commas, in the order in which their time is over.
func (f *fields) marks(name string) (marks []pipeline.Mark) {
	f.read(name, func(raw string) error { return json.Unmarshal([]byte("["+raw+"]"), &marks) })
	slices.SortStableFunc(marks, func(a, b pipeline.Mark) int {
		return cmp.Or(a.Until.Compare(b.Until), strings.Compare(suffix(a), suffix(b)))
	})
	return marks
}
