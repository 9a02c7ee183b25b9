package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"bellwether/pipeline"
)

// Cancel ends a waiting run at once and asks the holder of one that has begun to end it. A final run, and the first mark,
// stay as they are. It returns the run as it then is.
func (s *Store) Cancel(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.mark(ctx, cancelScript, id, m, stamp(m.At))
}

var cancelScript = redis.NewScript(common + changing + `
local id, mark, at = unpack(ARGV, 2, 4)
local run = redis.call('HMGET', key('run', id), 'state', 'cancel', 'environment')
if not run[1] then return redis.error_reply('ABSENT') end
if run[1] ~= 'waiting' and run[1] ~= 'running' then return end
local ends = run[1] == 'waiting' and run_withdraw(id, 'environment/' .. run[3])
if run[2] and not ends then return end
run_set(id, 'cancel', run[2] or mark, unpack(ends and {'state', 'cancelled', 'ended', at} or {}))
tell_later(id, run[3])
if ends then run_end(id) end`)

// Approve lets the plan of a waiting run be applied. The first decision holds, until another approval is asked for. It
// returns the run as it then is.
func (s *Store) Approve(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.decide(ctx, approveScript, id, m)
}

// Reject is as Approve, but ends the run.
func (s *Store) Reject(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return s.decide(ctx, rejectScript, id, m, stamp(m.At), "the plan was rejected by "+m.Name)
}

func (s *Store) decide(ctx context.Context, script *redis.Script, id string, m pipeline.Mark, args ...any) (pipeline.Run, error) {
	run, err := s.Load(ctx, id)
	if err != nil || run.Approval == nil || !m.At.Before(run.Approval.Expires) {
		return run, err
	}
	if m.At.Before(run.Approval.Asked) {
		m.At = run.Approval.Asked // our clocks differ
	}
	return s.mark(ctx, script, id, m, append([]any{asked(run)}, args...)...)
}

// Lua for the decision on a plan: the script ends unless it is the first one.
const deciding = `
local id, mark, asked = unpack(ARGV, 2, 4)
local run = redis.call('HMGET', key('run', id), 'state', 'asked', 'approved', 'rejected', 'environment')
if not run[1] then return redis.error_reply('ABSENT') end
if run[1] ~= 'waiting' or run[2] ~= asked or run[3] or run[4] then return end
tell_later(id, run[5])
`

var approveScript = redis.NewScript(common + changing + deciding + `
run_set(id, 'approved', mark)
lane_push(prefix, 'environment/' .. run[5], id, 0)
run_patience(id, run[5], 0)`)

var rejectScript = redis.NewScript(common + changing + deciding + `
run_withdraw(id, 'environment/' .. run[5])
run_set(id, 'rejected', mark, 'state', 'cancelled', 'ended', ARGV[5], 'reason', ARGV[6])
run_end(id)`)

// asked is when the run's approval was asked for; "" when it needs none.
func asked(run pipeline.Run) string {
	if run.Approval == nil {
		return ""
	}
	return stamp(run.Approval.Asked)
}

// Overdue notes that a run waited longer than its environment wants it to, if it still waits for that. What it waits for
// before, its image or an approval, does not count. It returns the run as it then is.
func (s *Store) Overdue(ctx context.Context, id string) (pipeline.Run, error) {
	if _, err := s.do(ctx, overdueScript, id); err != nil {
		return pipeline.Run{}, fmt.Errorf("note that run %s is overdue: %w", id, err)
	}
	return s.Load(ctx, id)
}

var overdueScript = redis.NewScript(common + changing + `
local id = ARGV[2]
local run = redis.call('HMGET', key('run', id), 'overdue', 'environment')
local due = run[2] and lane_due_of(prefix, 'environment/' .. run[2], id)
if run[1] or not due then return end
if due > lane_now() then run_patience(id, run[2], due) else run_set(id, 'overdue', 1) end`)

// mark runs a script that leaves a mark on a run, and returns the run as it then is.
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
