package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Newest are the runs of a series that are kept, newest first, at most so many.
func (s *Store) Newest(ctx context.Context, series string, most int) ([]pipeline.Run, error) {
	ids, err := s.redis().ZRevRange(ctx, s.key("newest", series), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("newest runs of %s: %w", series, err)
	}
	runs, err := s.kept(ctx, ids, most)
	return runs, wrap(err, "newest runs of %s", series)
}

// trended is how many runs that measured a scenario in an environment are listed, unless they are older than runs are kept.
const trended = 500

// Lua that lists a run that is over by the time of its end, in ms.
var trending = fmt.Sprintf("local trended = %d", trended) + `
local function trend(environment, scenario, id, finished)
  local list = key('trend', environment, scenario)
  redis.call('ZADD', list, finished, id)
  redis.call('ZREMRANGEBYSCORE', list, '-inf', finished - keep_runs * 1000)
  redis.call('ZREMRANGEBYRANK', list, 0, -1 - trended)
  redis.call('EXPIRE', list, keep_runs)
end
`

// Trend are the runs that are over and measured a scenario in an environment since then, oldest first.
func (s *Store) Trend(ctx context.Context, environment, scenario string, since time.Time) ([]pipeline.Run, error) {
	ids, err := s.redis().ZRangeByScore(ctx, s.key("trend", environment, scenario), &redis.ZRangeBy{
		Min: strconv.FormatInt(millis(since), 10), Max: "+inf",
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("trend of %s in %s: %w", scenario, environment, err)
	}
	runs, err := s.kept(ctx, ids, trended)
	return runs, wrap(err, "trend of %s in %s", scenario, environment)
}

// kept are the first of some runs that did not expire, at most so many.
func (s *Store) kept(ctx context.Context, ids []string, most int) (runs []pipeline.Run, err error) {
	for _, id := range ids {
		if len(runs) == most {
			break
		}
		run, err := s.Load(ctx, id)
		switch {
		case errors.Is(err, bot.ErrNotFound): // expired since
		case err != nil:
			return nil, err
		default:
			runs = append(runs, run)
		}
	}
	return runs, nil
}
