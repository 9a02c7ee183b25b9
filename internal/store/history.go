package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/pipeline"
)

// counted is how many results of a scenario make its past. Judging needs ten comparable ones, learning the noise twenty;
// the rest is for scenarios that were changed.
const counted = 60

// Keep stores a result and its record for 30 days. A measurement that is repeated replaces the one it repeats, unless that
// one counts already.
func (s *Store) Keep(ctx context.Context, lease pipeline.Lease, result pipeline.Result, record pipeline.Record) error {
	summary, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("keep result %s: %w", result.ID, err)
	}
	zipped, err := zip(record)
	if err == nil {
		_, err = s.do(ctx, keepScript, environmentLane(lease.Environment), lease.Fence,
			result.Environment, result.Scenario, result.ID, summary, zipped, seconds(keepResults))
	}
	return wrap(err, "keep result %s", result.ID)
}

var keepScript = redis.NewScript(fenced + `
local environment, scenario, id, summary, record, keep = unpack(ARGV, 4, 9)
if redis.call('ZSCORE', key('past', environment, scenario), id) then return end
redis.call('SET', key('result', id), summary, 'EX', keep)
redis.call('SET', key('record', id), record, 'EX', keep)`)

// Lua for the results that count.
var counting = fmt.Sprintf("local counted, keep_results = %d, %d", counted, seconds(keepResults)) + `
local function past_counts(environment, scenario, id)
  return redis.call('ZSCORE', key('past', environment, scenario), id)
end

-- What is neither in the past nor pinned is kept no longer than what never counted.
local function past_expire(environment, scenario, id)
  local pin = redis.call('HGET', key('pins', environment), scenario)
  if past_counts(environment, scenario, id) or pin and cjson.decode(pin).result == id then return end
  redis.call('EXPIRE', key('result', id), keep_results)
  redis.call('EXPIRE', key('record', id), keep_results)
end

local function past_drop(environment, scenario, id)
  redis.call('ZREM', key('past', environment, scenario), id)
  past_expire(environment, scenario, id)
end

local function past_count(environment, scenario, id, summary, start)
  local past = key('past', environment, scenario)
  redis.call('SET', key('result', id), summary)
  redis.call('PERSIST', key('record', id))
  redis.call('ZADD', past, start, id)
  for _, old in ipairs(redis.call('ZRANGE', past, 0, -1 - counted)) do past_drop(environment, scenario, old) end
end
`

// Count keeps a result for as long as it is one of the scenario's newest 60, and 30 days longer.
func (s *Store) Count(ctx context.Context, lease pipeline.Lease, result pipeline.Result) error {
	args, err := measurement([]any{environmentLane(lease.Environment), lease.Fence, result.Environment}, result)
	if err == nil {
		_, err = s.do(ctx, countScript, args...)
	}
	return wrap(err, "count result %s", result.ID)
}

// measurement adds what past_count wants to know of a result.
func measurement(args []any, r pipeline.Result) ([]any, error) {
	summary, err := json.Marshal(r)
	return append(args, r.Scenario, r.ID, summary, r.Start.UnixMilli()), err
}

var countScript = redis.NewScript(fenced + counting + `past_count(unpack(ARGV, 4))`)

// Record reads everything a result was made from; bot.ErrNotFound once it has expired.
func (s *Store) Record(ctx context.Context, id string) (pipeline.Record, error) {
	key := s.key("record", id)
	zipped, err := s.redis().Get(ctx, key).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return pipeline.Record{}, fmt.Errorf("record %s: %w", id, bot.ErrNotFound)
	case err != nil:
		return pipeline.Record{}, fmt.Errorf("record %s: %w", id, err)
	}
	var record pipeline.Record
	err = unzip(zipped, &record)
	return record, wrap(err, "redis key %s", key)
}

// zippers are used again: each is about a megabyte.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// zip is gzipped JSON.
func zip(v any) ([]byte, error) {
	var buf bytes.Buffer
	w := zippers.Get().(*gzip.Writer)
	defer zippers.Put(w)
	w.Reset(&buf)
	err := errors.Join(json.NewEncoder(w).Encode(v), w.Close())
	return buf.Bytes(), err
}

func unzip(zipped []byte, v any) error {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
