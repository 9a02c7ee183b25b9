package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/commands"
)

var _ commands.Cooldowns = (*Store)(nil)

// Claim is true for the first one who claims the key within d, and for the same one again. Either way it tells when the next one
// can.
//
// A claim is a hash:
//
//	by      who has it
//	again   ms at which somebody else can have it
func (s *Store) Claim(ctx context.Context, key, by string, d time.Duration) (ok bool, again time.Time, err error) {
	reply, err := s.do(ctx, claimScript, key, by, d.Milliseconds())
	if err != nil {
		return false, again, fmt.Errorf("claim %s: %w", key, err)
	}
	ms, err := strconv.ParseInt(reply[1].(string), 10, 64)
	return reply[0].(string) == by, time.UnixMilli(ms), wrap(err, "claim %s", key)
}

var claimScript = redis.NewScript(common + `
local claim, by, ms = key('cooldown', ARGV[2]), ARGV[3], tonumber(ARGV[4])
local had = redis.call('HMGET', claim, 'by', 'again')
if had[2] and tonumber(had[2]) > lane_now() then return had end
local again = string.format('%d', lane_now() + ms)
redis.call('HSET', claim, 'by', by, 'again', again)
redis.call('PEXPIRE', claim, ms)
return {by, again}`)

// Return gives up a claim, if it is still that one's.
func (s *Store) Return(ctx context.Context, key, by string) error {
	_, err := s.do(ctx, returnScript, key, by)
	return wrap(err, "give back %s", key)
}

var returnScript = redis.NewScript(common + `
local claim = key('cooldown', ARGV[2])
if redis.call('HGET', claim, 'by') == ARGV[3] then redis.call('DEL', claim) end`)
