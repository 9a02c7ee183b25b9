package store

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/commands"
)

// usualAudit is how long what people said is kept.
const usualAudit = 400 * 24 * time.Hour

// slowest is how long after a command what became of it can come.
const slowest = time.Hour

// page is how many entries are read at once.
const page = 500

// Audit is the log of what people said, and of what became of it: a stream that is appended to, and whose oldest end is cut
// off. Nothing rewrites what is in it.
type Audit struct {
	Store *Store
	Keep  time.Duration // 0: 400 days
}

var _ commands.Audit = (*Audit)(nil)

// Append adds an entry, once however often the client has to send it.
func (a *Audit) Append(ctx context.Context, e commands.Entry) error {
	entry, err := json.Marshal(e)
	if err == nil {
		_, err = a.Store.do(ctx, appendScript, e.ID+"/"+e.Result, entry, a.keep().Milliseconds())
	}
	return wrap(err, "append to the audit log")
}

func (a *Audit) keep() time.Duration {
	if a.Keep == 0 {
		return usualAudit
	}
	return a.Keep
}

var appendScript = redis.NewScript(common + `
local once, entry, keep = key('audited', ARGV[2]), ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', once) == 1 then return end
local oldest = string.format('%d-0', lane_now() - keep)
redis.call('XADD', prefix .. 'audit', 'MINID', '=', oldest, '*', 'entry', entry)
redis.call('SET', once, '', 'EX', 60)`)

// Said is what was said from one time up to another, by the clock of Redis, newest first, each with what became of it. A command
// without a result was cut short, or is being carried out. The sequence ends with the first error.
func (a *Audit) Said(ctx context.Context, from, to time.Time) iter.Seq2[commands.Entry, error] {
	return func(yield func(commands.Entry, error) bool) {
		outcomes := map[string]commands.Entry{} // whose commands are still to come
		for line, err := range a.backwards(ctx, from, to.Add(slowest)) {
			if err != nil {
				yield(commands.Entry{}, err)
				return
			}
			if line.Result != "" {
				outcomes[line.ID] = line.Entry
				continue
			}
			became := outcomes[line.ID]
			delete(outcomes, line.ID)
			line.Run, line.Result, line.Reason = became.Run, became.Result, became.Reason
			if line.added.Before(to) && !yield(line.Entry, nil) {
				return
			}
		}
	}
}

// audited is an entry of the stream.
type audited struct {
	commands.Entry
	added time.Time
}

// backwards goes through the stream, newest first.
func (a *Audit) backwards(ctx context.Context, from, to time.Time) iter.Seq2[audited, error] {
	return func(yield func(audited, error) bool) {
		end, start := strconv.FormatInt(to.UnixMilli(), 10), strconv.FormatInt(from.UnixMilli(), 10)
		for {
			lines, err := a.Store.redis().XRevRangeN(ctx, a.Store.Lanes.Prefix+"audit", end, start, page).Result()
			if err != nil {
				yield(audited{}, fmt.Errorf("read the audit log: %w", err))
				return
			}
			for _, line := range lines {
				if e, err := decodeEntry(line); !yield(e, err) || err != nil {
					return
				}
				end = "(" + line.ID
			}
			if len(lines) < page {
				return
			}
		}
	}
}

func decodeEntry(line redis.XMessage) (e audited, err error) {
	text, _ := line.Values["entry"].(string)
	added, _, _ := strings.Cut(line.ID, "-")
	ms, err := strconv.ParseInt(added, 10, 64)
	if err == nil {
		err = json.Unmarshal([]byte(text), &e.Entry)
	}
	if err != nil {
		return audited{}, fmt.Errorf("read the audit log: entry %s: %w", line.ID, err)
	}
	e.added = time.UnixMilli(ms)
	return e, nil
}
