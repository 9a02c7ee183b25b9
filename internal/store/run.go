package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/pipeline"
)

// schema of the records written here. Older ones must stay readable.
const schema = 1

// Load reads a run: the holder's record and the marks that others left beside it, in fields of their own so that neither
// overwrites the other.
//
//	record      JSON, written by Enqueue, then by Save only
//	rev         counts the changes
//	state       what holds; the record's may be behind when a waiting run was superseded or cancelled
//	ended       when that happened
//	position, successor, supersedes, reruns (ids with commas), cancel, acknowledged (JSON)
//	joined      JSON of the change whose image joined
//	environment, thing, key, image   what scripts ask for
//	merged, pushed   when the change was merged and its image pushed, in ms; 0 when unknown, and for runs of no change
func (s *Store) Load(ctx context.Context, id string) (pipeline.Run, error) {
	key := s.key("run", id)
	values, err := s.redis().HGetAll(ctx, key).Result()
	if err != nil {
		return pipeline.Run{}, fmt.Errorf("load run %s: %w", id, err)
	}
	return decodeRun(id, &fields{key: key, values: values})
}

func decodeRun(id string, f *fields) (pipeline.Run, error) {
	if len(f.values) == 0 {
		return pipeline.Run{}, fmt.Errorf("run %s: %w", id, bot.ErrNotFound)
	}
	var run pipeline.Run
	f.json("record", &run)
	if f.err == nil && run.Schema != schema {
		return pipeline.Run{}, fmt.Errorf("redis key %s was written with schema %d, this Bellwether knows %d: run the newer version",
			f.key, run.Schema, schema)
	}
	run.ID, run.Rev, run.State = id, f.int("rev"), pipeline.State(f.values["state"])
	run.Position, run.Successor = int(f.int("position")), f.values["successor"]
	run.Supersedes, run.Reruns = f.list("supersedes"), f.list("reruns")
	f.json("cancel", &run.Cancel)
	f.json("acknowledged", &run.Acknowledged)
	if ended := f.time("ended"); !ended.IsZero() {
		run.Finished = ended
	}
	var joined pipeline.Change
	if f.json("joined", &joined); joined.Image != "" {
		join(&run, joined)
	}
	return run, f.err
}

// join gives a run the image it waited for, and whatever else only the image's event knew.
func join(run *pipeline.Run, image pipeline.Change) {
	if len(run.Changes) == 0 {
		return
	}
	c := &run.Changes[0]
	c.Image = image.Image
	for missing, known := range map[*string]string{
		&c.Revision: image.Revision, &c.Version: image.Version, &c.Title: image.Title, &c.Author: image.Author, &c.URL: image.URL,
	} {
		if *missing == "" {
			*missing = known
		}
	}
	run.ImageBy = time.Time{}
}

// encodeRun leaves out what has fields of its own.
func encodeRun(run pipeline.Run) ([]byte, error) {
	run.Schema = schema
	run.Successor, run.Supersedes, run.Reruns, run.Cancel, run.Acknowledged = "", nil, nil, nil, nil
	return json.Marshal(run)
}

// Save stores the holder's record. A run that is final already stays as it is, whatever the holder thinks.
func (s *Store) Save(ctx context.Context, hold pipeline.Hold, run pipeline.Run) error {
	record, err := encodeRun(run)
	if err == nil {
		_, err = s.do(ctx, saveScript, environmentLane(hold.Environment), hold.Fence, run.ID, record,
			string(run.State), run.State.Final(), overhead(run), seconds(keepRuns))
	}
	return wrap(err, "save run %s", run.ID)
}

var saveScript = redis.NewScript(fenced + changing + `
local id, record, state, final, overhead, keep = unpack(ARGV, 4, 9)
local run = redis.call('HMGET', key('run', id), 'state', 'record', 'environment', 'thing')
if not run[1] then return redis.error_reply('ABSENT') end
if run[1] ~= 'waiting' and run[1] ~= 'running' or run[2] == record then return end
run_set(id, 'record', record, 'state', state)
if final ~= '1' then return end
run_end(id, run[3], keep)
if overhead ~= '' then
  local list = key('overhead', run[3], run[4])
  redis.call('LPUSH', list, overhead)
  redis.call('LTRIM', list, 0, 9)
end`)

// Acknowledge leaves a mark on the run; the first one stays. It returns the run as it then is.
func (s *Store) Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.mark(ctx, acknowledgeScript, id, m)
}

var acknowledgeScript = redis.NewScript(common + changing + `
local id, mark = ARGV[2], ARGV[3]
local run = redis.call('HMGET', key('run', id), 'state', 'acknowledged')
if not run[1] then return redis.error_reply('ABSENT') end
if not run[2] then run_set(id, 'acknowledged', mark) end`)

// Cancel ends a waiting run at once and asks the holder of a running one to end it. A final run, and the first mark, stay
// as they are. It returns the run as it then is.
func (s *Store) Cancel(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.mark(ctx, cancelScript, id, m, stamp(m.At), seconds(keepRuns))
}

var cancelScript = redis.NewScript(common + changing + `
local id, mark, at, keep = unpack(ARGV, 2, 5)
local run = redis.call('HMGET', key('run', id), 'state', 'cancel', 'environment')
if not run[1] then return redis.error_reply('ABSENT') end
if run[2] or run[1] ~= 'waiting' and run[1] ~= 'running' then return end
run_set(id, 'cancel', mark)
if run[1] == 'waiting' and lane_remove(prefix, 'environment/' .. run[3], id) then
  redis.call('HSET', key('run', id), 'state', 'cancelled', 'ended', at)
  run_end(id, run[3], keep)
end`)

func (s *Store) mark(ctx context.Context, script *redis.Script, id string, m pipeline.Mark, args ...any) (pipeline.Run, error) {
	mark, err := json.Marshal(m)
	if err != nil {
		return pipeline.Run{}, fmt.Errorf("mark run %s: %w", id, err)
	}
	if _, err := s.do(ctx, script, append([]any{id, mark}, args...)...); err != nil {
		return pipeline.Run{}, fmt.Errorf("mark run %s: %w", id, err)
	}
	return s.Load(ctx, id)
}

// Latest is the newest run of a service or stack; "" when there is none.
func (s *Store) Latest(ctx context.Context, name string) (string, error) {
	id, err := s.redis().Get(ctx, s.key("latest", name)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("latest run of %s: %w", name, err)
	}
	kept, err := s.redis().Exists(ctx, s.key("run", id)).Result()
	if err != nil || kept == 0 {
		return "", wrap(err, "latest run of %s", name)
	}
	return id, nil
}

// Board tells which run holds the environment, and which wait for it.
func (s *Store) Board(ctx context.Context, environment string) (pipeline.Board, error) {
	board := pipeline.Board{Environment: environment}
	state, err := s.Lanes.State(ctx, environmentLane(environment))
	if err != nil {
		return board, fmt.Errorf("board of %s: %w", environment, err)
	}
	if state.Held != nil {
		held, err := s.Load(ctx, state.Held.ID)
		if err != nil {
			return board, fmt.Errorf("board of %s: %w", environment, err)
		}
		board.Held = &held
	}
	for _, item := range state.Waiting {
		run, err := s.Load(ctx, item.ID)
		if err != nil {
			return board, fmt.Errorf("board of %s: %w", environment, err)
		}
		board.Waiting = append(board.Waiting, run)
	}
	return board, nil
}

// wrap adds the attempt to an error, and leaves nil nil.
func wrap(err error, attempt string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(attempt+": %w", append(args, err)...)
}
