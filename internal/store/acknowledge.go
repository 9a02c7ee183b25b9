package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Acknowledge leaves a mark on the run, or on one scenario of it. The first one that covers a scenario stays until it lapses;
// only who left it may put another in its place. Somebody is told when it lapses, see Lapse. It returns the run as it then is.
func (s *Store) Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.mark(ctx, acknowledgeScript, id, m, m.By, suffix(m.Scope), millis(m.Until))
}

// suffix is how the fields of a scope end.
func suffix(scope string) string {
	if scope == "" {
		return ""
	}
	return "/" + scope
}

// Lua for acknowledgements, each in a field of its own: acknowledged is about the whole run, acknowledged/cart about a
// scenario. The fields until and until/cart are the ms at which they lapse.
const acknowledging = `
-- The timer is due when the first of them lapses.
local function lapse_at(id, environment, due)
  local timer, item = 'timer/' .. environment, 'ack/' .. id
  local known = lane_due_of(prefix, timer, item)
  if not known or due < known then lane_push(prefix, timer, item, due) end
end
`

var acknowledgeScript = redis.NewScript(common + changing + acknowledging + `
local id, mark, by, scope, until_ms = unpack(ARGV, 2, 6)
local field = 'acknowledged' .. scope
local run = redis.call('HMGET', key('run', id), 'environment', field, 'acknowledged')
if not run[1] then return redis.error_reply('ABSENT') end
local mine = run[2] and cjson.decode(run[2]).by == by
if not mine and (run[2] or run[3]) then return end
run_set(id, field, mark)
redis.call('HDEL', key('run', id), 'until' .. scope)
if tonumber(until_ms) > 0 then
  redis.call('HSET', key('run', id), 'until' .. scope, until_ms)
  lapse_at(id, run[1], tonumber(until_ms))
end
tell_later(id, run[1])`)

// Lapse ends the acknowledgements of a run whose time is over. Those of some scopes stay for good instead, because nobody
// would miss them. It returns the run as it then is.
func (s *Store) Lapse(ctx context.Context, id string, outlived []string) (pipeline.Run, error) {
	args := []any{id}
	for _, scope := range outlived {
		args = append(args, suffix(scope))
	}
	if _, err := s.do(ctx, lapseScript, args...); err != nil {
		return pipeline.Run{}, fmt.Errorf("end acknowledgements of run %s: %w", id, err)
	}
	return s.Load(ctx, id)
}

var lapseScript = redis.NewScript(common + changing + acknowledging + `
local id = ARGV[2]
local run, now = key('run', id), lane_now()
local environment = redis.call('HGET', run, 'environment')
if not environment then return redis.error_reply('ABSENT') end
local outlived = {}
for i = 3, #ARGV do outlived[ARGV[i]] = true end
for _, field in ipairs(redis.call('HKEYS', run)) do
  local scope = string.match(field, '^until(.*)$')
  local until_ms = scope and tonumber(redis.call('HGET', run, field))
  if until_ms and until_ms <= now and outlived[scope] then
    redis.call('HDEL', run, field)
  elseif until_ms and until_ms <= now then
    run_append(id, 'lapsed', redis.call('HGET', run, 'acknowledged' .. scope))
    redis.call('HDEL', run, field, 'acknowledged' .. scope)
  elseif until_ms then
    lapse_at(id, environment, until_ms)
  end
end`)

// acknowledged are the marks in force, oldest first.
func (f *fields) acknowledged() (marks []pipeline.Mark) {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if name == "acknowledged" || strings.HasPrefix(name, "acknowledged/") {
			var m pipeline.Mark
			f.json(name, &m)
			marks = append(marks, m)
		}
	}
	slices.SortStableFunc(marks, func(a, b pipeline.Mark) int { return a.At.Compare(b.At) })
	return marks
}

// lapsed are the marks whose time is over, in that order. Lua joined them with commas.
func (f *fields) lapsed() (marks []pipeline.Mark) {
	f.read("lapsed", func(raw string) error { return json.Unmarshal([]byte("["+raw+"]"), &marks) })
	slices.SortStableFunc(marks, func(a, b pipeline.Mark) int {
		return cmp.Or(a.Until.Compare(b.Until), strings.Compare(a.Scope, b.Scope))
	})
	return marks
}
