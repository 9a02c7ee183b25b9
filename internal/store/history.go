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

// Count keeps a result for as long as it is one of the scenario's newest 60, and 30 days longer.
func (s *Store) Count(ctx context.Context, lease pipeline.Lease, result pipeline.Result) error {
	summary, err := json.Marshal(result)
	if err == nil {
		_, err = s.do(ctx, countScript, environmentLane(lease.Environment), lease.Fence,
			result.Environment, result.Scenario, result.ID, summary, result.Start.UnixMilli(), counted, seconds(keepResults))
	}
	return wrap(err, "count result %s", result.ID)
}

var countScript = redis.NewScript(fenced + `
local environment, scenario, id, summary, start, newest, keep = unpack(ARGV, 4, 10)
local past = key('past', environment, scenario)
redis.call('SET', key('result', id), summary)
redis.call('PERSIST', key('record', id))
redis.call('ZADD', past, start, id)
for _, old in ipairs(redis.call('ZRANGE', past, 0, -1 - newest)) do
  redis.call('ZREM', past, old)
  redis.call('EXPIRE', key('result', old), keep)
  redis.call('EXPIRE', key('record', old), keep)
end`)

// Past lists counted results, newest first, in one round trip.
func (s *Store) Past(ctx context.Context, environment, scenario string) ([]pipeline.Result, error) {
	reply, err := s.do(ctx, pastScript, environment, scenario)
	if err != nil {
		return nil, fmt.Errorf("past of %s in %s: %w", scenario, environment, err)
	}
	results := make([]pipeline.Result, len(reply)/2)
	for i := range results {
		id, summary := reply[2*i].(string), reply[2*i+1].(string)
		if err := json.Unmarshal([]byte(summary), &results[i]); err != nil {
			return nil, fmt.Errorf("redis key %s: %w", s.key("result", id), err)
		}
	}
	return results, nil
}

var pastScript = redis.NewScript(common + `
local past = {}
for _, id in ipairs(redis.call('ZREVRANGE', key('past', ARGV[2], ARGV[3]), 0, -1)) do
  local summary = redis.call('GET', key('result', id))
  if summary then
    past[#past + 1] = id
    past[#past + 1] = summary
  end
end
return past`)

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
