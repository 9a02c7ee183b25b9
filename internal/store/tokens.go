package store

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Tokens are what a chat platform's adapter kept last under the key, sealed by it; nil when it kept nothing.
func (s *Store) Tokens(ctx context.Context, key string) ([]byte, error) {
	sealed, err := s.redis().Get(ctx, s.key("tokens", key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return sealed, wrap(err, "read tokens %s", key)
}

// SwapTokens keeps now if was is still what is kept (nil: nothing), and tells whether it did.
func (s *Store) SwapTokens(ctx context.Context, key string, was, now []byte) (bool, error) {
	swapped, err := s.do(ctx, swapTokensScript, key, was, now)
	return swapped != nil, wrap(err, "keep tokens %s", key)
}

// What is there already was kept by a call whose answer was lost, and which the client sends again: no two are sealed alike.
var swapTokensScript = redis.NewScript(common + `
local tokens, was, now = key('tokens', ARGV[2]), ARGV[3], ARGV[4]
local kept = redis.call('GET', tokens) or ''
if kept ~= was and kept ~= now then return end
redis.call('SET', tokens, now)
return {1}`)
