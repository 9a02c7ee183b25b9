package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Acknowledge leaves a mark on the run; the first one stays. It returns the run as it then is.
func (s *Store) Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.mark(ctx, acknowledgeScript, id, m)
}

var acknowledgeScript = redis.NewScript(common + changing + `
local id, mark = ARGV[2], ARGV[3]
local run = redis.call('HMGET', key('run', id), 'environment', 'acknowledged')
if not run[1] then return redis.error_reply('ABSENT') end
if run[2] then return end
run_set(id, 'acknowledged', mark)
tell_later(id, run[1])`)

// Cancel ends a waiting run at once and asks the holder of a running one to end it. A final run, and the first mark, stay
// as they are. It returns the run as it then is.
func (s *Store) Cancel(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.mark(ctx, cancelScript, id, m, stamp(m.At), seconds(keepRuns))
}

var cancelScript = redis.NewScript(common + changing + `
local id, mark, at, keep = unpack(ARGV, 2, 5)
local run = redis.call('HMGET', key('run', id), 'state', 'cancel', 'environment', 'thing')
if not run[1] then return redis.error_reply('ABSENT') end
if run[2] or run[1] ~= 'waiting' and run[1] ~= 'running' then return end
run_set(id, 'cancel', mark)
tell_later(id, run[3])
if run[1] == 'waiting' and lane_remove(prefix, 'environment/' .. run[3], id) then
  redis.call('HSET', key('run', id), 'state', 'cancelled', 'ended', at)
  run_end(id, run[3], run[4], keep)
end`)

// Approve lets the plan of a waiting run be applied. The first decision holds, until another approval is asked for. It
// returns the run as it then is.
func (s *Store) Approve(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.decide(ctx, "approved", id, m)
}

// Reject is as Approve: the plan will not be applied.
func (s *Store) Reject(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.decide(ctx, "rejected", id, m)
}

func (s *Store) decide(ctx context.Context, decision, id string, m pipeline.Mark) (pipeline.Run, error) {
	run, err := s.Load(ctx, id)
	if err != nil || run.Approval == nil || !m.At.Before(run.Approval.Expires) {
		return run, err
	}
	if m.At.Before(run.Approval.Asked) {
		m.At = run.Approval.Asked // our clocks differ
	}
	return s.mark(ctx, decideScript, id, m, decision, asked(run))
}

var decideScript = redis.NewScript(common + changing + `
local id, mark, decision, asked = unpack(ARGV, 2, 5)
local run = redis.call('HMGET', key('run', id), 'state', 'asked', 'approved', 'rejected', 'environment')
if not run[1] then return redis.error_reply('ABSENT') end
if run[1] ~= 'waiting' or run[2] ~= asked or run[3] or run[4] then return end
run_set(id, decision, mark)
tell_later(id, run[5])
lane_push(prefix, 'environment/' .. run[5], id, 0)`)

// asked is when the run's approval was asked for; "" when it needs none.
func asked(run pipeline.Run) string {
	if run.Approval == nil {
		return ""
	}
	return stamp(run.Approval.Asked)
}

// Overdue notes that a run waited longer than its environment wants it to, if it still waits. It returns the run as it then
// is.
func (s *Store) Overdue(ctx context.Context, id string) (pipeline.Run, error) {
	if _, err := s.do(ctx, overdueScript, id); err != nil {
		return pipeline.Run{}, fmt.Errorf("note that run %s is overdue: %w", id, err)
	}
	return s.Load(ctx, id)
}

var overdueScript = redis.NewScript(common + changing + `
local id = ARGV[2]
local run = redis.call('HMGET', key('run', id), 'overdue', 'environment')
if run[1] or not run[2] or not lane_waits(prefix, 'environment/' .. run[2], id) then return end
run_set(id, 'overdue', 1)`)

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
