package store

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Upgrade adds what older versions did not write yet: the cause of the runs that are open, their index by thing, the list of
// a thing's newest runs, and that of the letters that are parked. It is for every start, for an older replica may have been at
// work since the last one; only the letters, which are many, are looked through once.
func (s *Store) Upgrade(ctx context.Context) error {
	_, err := s.do(ctx, upgradeScript)
	return wrap(err, "upgrade what Redis has")
}

// A record is not decoded, as it may be broken: its own cause comes before all that others wrote into it.
var upgradeScript = redis.NewScript(common + changing + `
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

-- Older versions kept only the newest run, as latest:NAME. A change that came late was not the newest.
local latest = redis.call('KEYS', key('latest', '*'))
for _, run in ipairs(#latest > 0 and redis.call('KEYS', key('run', '*')) or {}) do
  local state, thing = unpack(redis.call('HMGET', run, 'state', 'thing'))
  local id, name = string.sub(run, #key('run', '') + 1), string.match(thing or '', ':(.*)')
  if name and state ~= 'superseded' then run_list(id, name, string.sub(id, 2)) end
end
for _, old in ipairs(latest) do redis.call('DEL', old) end

if redis.call('SETNX', prefix .. 'upgraded:2', 1) == 0 then return end
for _, letter in ipairs(redis.call('KEYS', key('letter', '*'))) do
  if (redis.call('HGET', letter, 'parked') or '') ~= '' then
    redis.call('ZADD', prefix .. 'parked', 'NX', lane_now(), string.sub(letter, #key('letter', '') + 1))
  end
end`)
