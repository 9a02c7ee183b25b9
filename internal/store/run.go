package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/pipeline"
)

// The schemas of the records written here. Older ones must stay readable.
const (
	plain  = 1 // of a run that is open
	zipped = 2 // of one that is over: the record tells only this, the rest is in the field zipped
)

// Load reads a run: the holder's record and the marks that others left beside it, in fields of their own so that neither
// overwrites the other.
//
//	record      JSON, written by Enqueue, then by Save only
//	zipped      the record, gzipped, once the holder ended the run
//	rev         counts the changes
//	state       what holds; the record's may be behind when a waiting run was superseded or cancelled
//	ended       when that happened, and the reason for people, where there is one
//	patience    ms for which it may wait for its environment; 0 for as long as it takes
//	position, successor, supersedes, reruns (ids with commas), overdue
//	cancel, approved, rejected   JSON of the marks
//	acknowledged, until, remind   JSON of the mark about the whole run, and the ms at which it lapses and of the reminder of
//	            that; about a part of it: acknowledged/cart, see acknowledge.go
//	lapsed, reminded   JSON of such marks whose time is over, and of those that somebody was reminded of, with commas
//	regression/cart/p95, ended/cart/p95   JSON of what got worse, and of the end of that, see regression.go
//	triaged, counted/R1/cart, dropped/R1/cart   what people said of it, and what that changed, see triage.go
//	asked       when the approval was asked for that approved and rejected are about
//	batch       the runs that it leads (ids with commas); there once it has gathered, see batch.go
//	leader, place   the run that leads it, and where it waited before
//	part        what it is a part of, once a batch was parted
//	hold        the hold of the environment that it left unwell
//	joined      JSON of the change whose image joined
//	environment, cause, thing, key, image   what scripts ask for
//	merged, pushed   when the change was merged and its image pushed, in ms; 0 when unknown, and for runs of no change
func (s *Store) Load(ctx context.Context, id string) (pipeline.Run, error) {
	reply, err := s.do(ctx, loadScript, id)
	if err != nil {
		return pipeline.Run{}, fmt.Errorf("load run %s: %w", id, err)
	}
	run, err := decodeRun(id, s.fields(reply[0], "run", id))
	if err == nil && reply[1] != nil {
		run.Hold, err = s.decodeHold(reply[1:])
	}
	return run, err
}

var loadScript = redis.NewScript(common + holds + `
local run = key('run', ARGV[2])
local state, environment = unpack(redis.call('HMGET', run, 'state', 'environment'))
return {redis.call('HGETALL', run), unpack(hold_read(state == 'waiting' and hold_of(environment)))}`)

func decodeRun(id string, f *fields) (pipeline.Run, error) {
	if len(f.values) == 0 {
		return pipeline.Run{}, fmt.Errorf("run %s: %w", id, bot.ErrNotFound)
	}
	var run pipeline.Run
	f.packed("record", &run)
	f.packed("zipped", &run)
	if f.err == nil && run.Schema != plain && run.Schema != zipped {
		return pipeline.Run{}, fmt.Errorf("redis key %s was written with schema %d, this Bellwether knows %d: run the newer version",
			f.key, run.Schema, zipped)
	}
	run.ID, run.Rev, run.State = id, f.int("rev"), pipeline.State(f.values["state"])
	run.Position, run.Successor = int(f.int("position")), f.values["successor"]
	run.Supersedes, run.Reruns = f.list("supersedes"), f.list("reruns")
	run.Batch, run.Leader, run.Overdue = f.list("batch"), f.values["leader"], f.values["overdue"] != ""
	f.json("cancel", &run.Cancel)
	run.Acknowledged, run.Lapsed, run.Reminded = f.acknowledged(), f.marks("lapsed"), f.marks("reminded")
	run.Regressions, run.Triaged = f.regressions(), f.triaged()
	f.json("approved", &run.Approved)
	f.json("rejected", &run.Rejected)
	if run.State == pipeline.Waiting {
		// It begins anew: its record may be of before its leader was over, and its change may still be in the environment.
		run.Stage, run.Verdict, run.Stopped, run.Results, run.Outcomes = "", "", "", nil, nil
	}
	if reason := f.values["reason"]; reason != "" {
		run.Reason = reason
	}
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

// encodeRun leaves out what has fields of its own. A run that is over is kept for long, and seldom read: all of it is in
// rest, and the record only refuses those who do not know that.
func encodeRun(run pipeline.Run) (record, rest []byte, err error) {
	run.Schema = plain
	run.Successor, run.Supersedes, run.Reruns, run.Cancel, run.Acknowledged, run.Lapsed = "", nil, nil, nil, nil, nil
	run.Reminded, run.Triaged = nil, nil
	run.Batch, run.Leader, run.Approved, run.Rejected, run.Overdue = nil, "", nil, nil, false
	if !run.State.Final() {
		record, err = json.Marshal(run)
		return record, nil, err
	}
	run.Schema = zipped
	rest, err = zip(run)
	return fmt.Appendf(nil, `{"schema":%d}`, zipped), rest, err
}

// Save stores the holder's record. A run that is final already stays as it is, whatever the holder thinks. When an approval
// is asked for anew, what was decided before is void. A leader that is over leads nobody: what it left open waits again. A
// run that lets others go ahead while it waits for people is superseded if one of them is a newer change of the same thing.
func (s *Store) Save(ctx context.Context, lease pipeline.Lease, run pipeline.Run) error {
	record, rest, err := encodeRun(run)
	args := []any{
		environmentLane(lease.Environment), lease.Fence, run.ID, record, rest,
		string(run.State), asked(run), stamp(s.Lanes.Time()), overhead(run), millis(run.Finished),
	}
	for _, o := range run.Outcomes {
		args = append(args, o.Scenario)
	}
	if err == nil {
		_, err = s.do(ctx, saveScript, args...)
	}
	return wrap(err, "save run %s", run.ID)
}

var saveScript = redis.NewScript(fenced + changing + leading + trending + `
local id, record, rest, state, asked, at, overhead, finished = unpack(ARGV, 4, 11)
local run = redis.call('HMGET', key('run', id), 'state', 'record', 'environment', 'thing', 'asked')
if not run[1] then return redis.error_reply('ABSENT') end
if run[1] ~= 'waiting' and run[1] ~= 'running' or run[1] == state and run[2] == record then return end
run_set(id, 'record', record, 'state', state, unpack(rest ~= '' and {'zipped', rest} or {}))
if asked ~= '' and asked ~= run[5] then
  redis.call('HSET', key('run', id), 'asked', asked)
  redis.call('HDEL', key('run', id), 'approved', 'rejected')
end
if state == 'waiting' then redis.call('HDEL', key('run', id), 'overdue') end
if state == 'waiting' and asked ~= '' and gives_way(id, at) then lane_push(prefix, lane, id, 0) end
if not final(state) then return end
run_end(id)
leave(id, at)
for i = 12, #ARGV do trend(run[3], ARGV[i], id, finished) end
if overhead ~= '' then
  local list = key('overhead', run[3], run[4])
  redis.call('LPUSH', list, overhead)
  redis.call('LTRIM', list, 0, 9)
end`)

// dropped is the reason of runs that were.
const dropped = "it broke again and again, and could not even be ended as failed; Bellwether's log says why"

// Drop ends a run as cancelled that neither can be worked on nor brought to its end; not even its record has to be readable.
// What it led waits again. Nobody is told of the run itself, for that may be what breaks.
func (s *Store) Drop(ctx context.Context, lease pipeline.Lease, run string) error {
	_, err := s.do(ctx, dropScript, environmentLane(lease.Environment), lease.Fence, run, stamp(s.Lanes.Time()), dropped)
	return wrap(err, "drop run %s", run)
}

var dropScript = redis.NewScript(fenced + changing + leading + `
local id, at, reason = unpack(ARGV, 4, 6)
if not goes_on(id) then return end
run_set(id, 'state', 'cancelled', 'ended', at, 'reason', reason)
run_end(id)
leave(id, at)`)

// Board tells which run holds the environment, which are tested along with it, whether it is on hold, and which runs wait
// for it.
func (s *Store) Board(ctx context.Context, environment string) (pipeline.Board, error) {
	board, err := s.board(ctx, environment)
	return board, wrap(err, "board of %s", environment)
}

func (s *Store) board(ctx context.Context, environment string) (pipeline.Board, error) {
	board := pipeline.Board{Environment: environment}
	state, err := s.Lanes.State(ctx, environmentLane(environment))
	if err != nil {
		return board, err
	}
	if board.Hold, err = s.Held(ctx, environment); err != nil {
		return board, err
	}
	if state.Held != nil {
		held, err := s.Load(ctx, state.Held.ID)
		if err != nil {
			return board, err
		}
		led, err := s.loadAll(ctx, held.Batch)
		if err != nil {
			return board, err
		}
		board.Held, board.Led = &held, slices.DeleteFunc(led, func(run pipeline.Run) bool { return run.State.Final() })
	}
	var waiting []string
	for _, item := range state.Waiting {
		waiting = append(waiting, item.ID)
	}
	board.Waiting, err = s.loadAll(ctx, waiting)
	return board, err
}

func (s *Store) loadAll(ctx context.Context, ids []string) (runs []pipeline.Run, err error) {
	for _, id := range ids {
		run, err := s.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// wrap adds the attempt to an error, and leaves nil nil.
func wrap(err error, attempt string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(attempt+": %w", append(args, err)...)
}
