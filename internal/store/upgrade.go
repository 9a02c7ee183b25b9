package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Upgrade adds what older versions did not write yet: the cause of the runs that are open, their index by thing, the list of
// the newest runs, and that of the letters that are parked. It is for every start, for an older replica may have been at
// work since the last one; only the letters, which are many, are looked through once.
func (s *Store) Upgrade(ctx context.Context) error {
	if _, err := s.do(ctx, upgradeScript); err != nil {
		return fmt.Errorf("upgrade what Redis has: %w", err)
	}
	return wrap(s.listNewest(ctx), "list the newest runs")
}

// A record is not decoded, as it may be broken: its own cause comes before all that others wrote into it.
var upgradeScript = redis.NewScript(common + `
for _, open in ipairs(redis.call('KEYS', key('open', '*'))) do
  local environment = string.sub(open, #key('open', '') + 1)
  for _, id in ipairs(string.find(environment, '/') and {} or redis.call('ZRANGE', open, 0, -1)) do
    local run = redis.call('HMGET', key('run', id), 'thing', 'record')
    if run[1] then
      redis.call('ZADD', key('open', environment, run[1]), redis.call('ZSCORE', open, id), id)
      redis.call('HSETNX', key('run', id), 'cause', string.match(run[2], '"cause":"(%a+)"') or '')
    end
  end
end

if redis.call('SETNX', prefix .. 'upgraded:2', 1) == 0 then return end
for _, letter in ipairs(redis.call('KEYS', key('letter', '*'))) do
  if (redis.call('HGET', letter, 'parked') or '') ~= '' then
    redis.call('ZADD', prefix .. 'parked', 'NX', lane_now(), string.sub(letter, #key('letter', '') + 1))
  end
end`)

// listNewest finds what older versions, which kept only the newest run as latest:NAME, did not list. There are many runs: Redis
// serves others in between.
func (s *Store) listNewest(ctx context.Context) error {
	var names []any
	err := s.each(ctx, "latest", func(some []any) error {
		names = append(names, some...)
		return nil
	})
	if err != nil || len(names) == 0 {
		return err
	}
	list := func(ids []any) error {
		_, err := s.do(ctx, listScript, ids...)
		return err
	}
	if err := s.each(ctx, "run", list); err != nil {
		return err
	}
	_, err = s.do(ctx, listLatestScript, names...) // in the end: an older replica may have gone on meanwhile
	return err
}

// each looks through the keys of a kind, by what stands behind it.
func (s *Store) each(ctx context.Context, kind string, do func(names []any) error) error {
	var cursor uint64
	for {
		keys, next, err := s.redis().Scan(ctx, cursor, s.key(kind, "*"), 1000).Result()
		if err != nil {
			return err
		}
		var names []any
		for _, key := range keys {
			names = append(names, strings.TrimPrefix(key, s.key(kind, "")))
		}
		if err := do(names); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Lua that lists a run unless it was superseded: a change that came late was not the newest.
const listing = `
local function list(id)
  local state, thing, environment = unpack(redis.call('HMGET', key('run', id), 'state', 'thing', 'environment'))
  if not state or state == 'superseded' then return end
  run_list(id, string.match(thing or '', ':(.*)') or 'suite/' .. environment, string.sub(id, 2))
end
`

var listScript = redis.NewScript(common + changing + listing + `
for i = 2, #ARGV do list(ARGV[i]) end`)

var listLatestScript = redis.NewScript(common + changing + listing + `
for i = 2, #ARGV do
  local latest = key('latest', ARGV[i])
  local id = redis.call('GET', latest)
  if id then list(id) end
  redis.call('DEL', latest)
end`)
