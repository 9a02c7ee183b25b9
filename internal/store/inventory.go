package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Install notes what a thing now is. Whose change that is, Enqueue must know: either the one of the run that holds the
// lane, or the one it found installed, which a restore and a confirmation install again. So both are remembered.
func (s *Store) Install(ctx context.Context, lease pipeline.Lease, run, thing string, a pipeline.Artefact) error {
	artefact, err := json.Marshal(a)
	if err == nil {
		_, err = s.do(ctx, installScript, environmentLane(lease.Environment), lease.Fence, lease.Environment, run, thing, artefact)
	}
	return wrap(err, "note that %s is %s in %s", thing, a.Label(), lease.Environment)
}

var installScript = redis.NewScript(fenced + `
local environment, run, thing, artefact = unpack(ARGV, 4, 7)
local installed, origin = key('installed', environment), key('origin', environment, thing)
local identity = redis.call('HGET', key('run', run), 'key') or ''

local now = redis.call('HGET', installed, thing)
if now ~= artefact then
  local was = redis.call('HMGET', origin, 'key', 'run', 'was', 'was_key', 'was_run')
  local back = was[3] == artefact
  redis.call('HSET', installed, thing, artefact)
  redis.call('HSET', origin, 'key', back and was[4] or identity, 'run', back and was[5] or run,
    'was', now or '', 'was_key', was[1] or '', 'was_run', was[2] or '')
end
if redis.call('HGET', origin, 'key') == identity then redis.call('HSET', origin, 'run', run) end`)

// Installed is what the runs installed in an environment, by thing.
func (s *Store) Installed(ctx context.Context, environment string) (map[string]pipeline.Artefact, error) {
	key := s.key("installed", environment)
	values, err := s.redis().HGetAll(ctx, key).Result()
	if err != nil {
		return nil, fmt.Errorf("what is installed in %s: %w", environment, err)
	}
	installed := make(map[string]pipeline.Artefact, len(values))
	f := &fields{key: key, values: values}
	for thing := range values {
		var a pipeline.Artefact
		f.json(thing, &a)
		installed[thing] = a
	}
	return installed, f.err
}
