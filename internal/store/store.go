// Package store keeps everything Bellwether remembers, in one Redis primary: runs and who waits for what, what is
// installed where, what was measured, and what shall be said in chat until it is visible.
//
// It implements the interfaces that pipeline, bot and commands declare. Whatever must happen together happens in one Lua
// script; whatever a lane's holder writes carries its fence.
//
// Keys, all under the prefix of the lanes:
//
//	runs                    int     the last run's number
//	run:R1                  hash    a run, see run.go; 90 days after its end, or that of its last regression
//	open:ENV                zset    runs that are not final, by number
//	open:ENV/THING          zset    those of one service or stack
//	newest:SERIES           zset    the newest 100 runs of a service or stack, or of suite/ENV, by number
//	overhead:ENV/THING      list    ms that the last runs took besides their load, newest first
//	event:ID                string  the run that an event led to, or ""; 14 days
//	awaited:ENV/THING/KEY   hash    the run that replaced one without its image, and when that was merged; a day
//	installed:ENV           hash    thing -> artefact
//	origin:ENV/THING        hash    key and run of the installed artefact, and the same of the one before it
//	result:ID, record:ID    string  what was measured, the record gzipped; 30 days unless counted or pinned
//	past:ENV/SCENARIO       zset    counted results by start
//	levels:ENV/SCENARIO     hash    run -> the level that people accepted with it
//	pins:ENV                hash    scenario -> the run that people made its baseline, see pin.go
//	standing:ENV            hash    group/metric -> the run that has its regression, which has no end, see regression.go
//	trend:ENV/SCENARIO      zset    the newest 500 runs that measured it, by the ms of their end; 90 days
//	holds                   int     the last hold's number
//	hold:H1                 hash    a hold, see hold.go; 90 days after its end
//	held:ENV                string  the hold that the environment is on, or was until its time passed
//	letter:ID               hash    an intent and its delivery, see outbox.go; 120 days
//	parked                  zset    letters that are parked, by the ms of that
//	thread:CHANNEL/REF      string  the run whose root message that is; 90 days
//	picture:KEY             string  PNG; 30 days
//	audit                   stream  what people said, see audit.go
//	audited:ID/RESULT       string  appended already; a minute
//	cooldown:ENV/VERB       hash    see cooldown.go
//	first:KEY               string  seen before, see First
//	installation:TEAM       string  JSON of where Teams' app was installed, by the team's id and by its group's
//	tokens:KEY              string  Slack's rotating tokens, sealed
//	upgraded:2              string  there once what older versions parked was looked for, see Upgrade
//
// An environment has two lanes: environment/ENV, where its runs wait, and timer/ENV, whose items are due when somebody has
// to be told: wait/R1 that the run still waits (Overdue), hold/H1 what became of the hold (Expire), ack/R1 that nobody looks
// after a regression any more (Lapse), remind/R1 that this will soon be so (Remind), tell/R1 and tell/H1 what somebody changed.
package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// How long things are kept.
const (
	keepEvents   = 14 * 24 * time.Hour
	keepRuns     = 90 * 24 * time.Hour // after their end
	keepResults  = 30 * 24 * time.Hour // once they are in no baseline
	keepPictures = 30 * 24 * time.Hour // a missing one is drawn again, but not posted again
	keepAwaited  = 24 * time.Hour      // far longer than an image is built

	// keepLetters, after the last wish, is longer than runs can be told: what is forgotten would be posted again.
	keepLetters = keepRuns + 30*24*time.Hour
)

// newest is how many runs of a series can be found by its name.
const newest = 100

// skew is how far the clocks that stamp changes may be apart. Within it, what came later is newer.
const skew = 2 * time.Second

// Store is Bellwether's memory. It lives in the Redis of its lanes, under their prefix.
type Store struct {
	Lanes *lane.Lanes
}

var (
	_ pipeline.Queue       = (*Store)(nil)
	_ pipeline.Ledger      = (*Store)(nil)
	_ pipeline.History     = (*Store)(nil)
	_ pipeline.Regressions = (*Store)(nil)
	_ pipeline.Inventory   = (*Store)(nil)
	_ pipeline.Holds       = (*Store)(nil)
	_ pipeline.Batches     = (*Store)(nil)
	_ bot.Outbox           = (*Store)(nil)
	_ bot.Pictures         = (*Store)(nil)
	_ bot.Records          = (*Store)(nil)
	_ commands.Runs        = (*Store)(nil)
	_ commands.Marks       = (*Store)(nil)
	_ commands.Triage      = (*Store)(nil)
	_ commands.Pins        = (*Store)(nil)
	_ commands.Trends      = (*Store)(nil)
)

// ErrFenced is returned for a write on behalf of a holder that no longer has its lane. Nothing was written.
var ErrFenced = errors.New("another one has the lane now")

// First tells whether this is the first call with the key within ttl.
func (s *Store) First(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	// Ours alone, so that a claim whose answer was lost, and which the client sends again, is still the first.
	mine := rand.Text()
	first, err := s.redis().SetNX(ctx, s.key("first", key), mine, ttl).Result()
	if err == nil && !first {
		var taken string
		taken, err = s.redis().Get(ctx, s.key("first", key)).Result()
		first = taken == mine
	}
	return first, wrap(err, "claim %s", key)
}

// Lua that all scripts begin with: ARGV[1] is the prefix. What few need is apart, for a script defines all of it anew
// whenever it runs.
const common = lane.Append + `
local prefix = ARGV[1]
local function key(kind, ...) return prefix .. kind .. ':' .. table.concat({...}, '/') end
`

// Lua for the writes of a lane's holder: ARGV[2] is the lane and ARGV[3] the fence.
const fenced = lane.Guard + common + `
local lane = ARGV[2]
if not lane_held(prefix, lane, ARGV[3]) then return redis.error_reply('FENCED') end
`

// do runs a script, whose refusals become errors. The reply is nil when it has none.
func (s *Store) do(ctx context.Context, script *redis.Script, args ...any) ([]any, error) {
	reply, err := script.Run(ctx, s.redis(), nil, append([]any{s.Lanes.Prefix}, args...)...).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case redis.HasErrorPrefix(err, "FENCED"):
		return nil, ErrFenced
	case redis.HasErrorPrefix(err, "ABSENT"):
		return nil, bot.ErrNotFound
	}
	list, _ := reply.([]any)
	return list, err
}

func (s *Store) redis() redis.UniversalClient { return s.Lanes.Redis }

func (s *Store) key(kind string, name ...string) string {
	return s.Lanes.Prefix + kind + ":" + strings.Join(name, "/")
}

func environmentLane(name string) string { return "environment/" + name }

func channelLane(c pipeline.Channel) string { return "channel/" + c.String() }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// Check looks whether Redis can be relied on. Warnings are about settings that may lose what Bellwether was told.
func (s *Store) Check(ctx context.Context) (warnings []string, err error) {
	if err := s.redis().Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("redis: cannot be reached: %w; is the server running, and the setting redis its address?", err)
	}
	for _, want := range []struct{ name, value, otherwise string }{
		{"maxmemory-policy", "noeviction", "runs and messages may be evicted when memory is full"},
		{"appendonly", "yes", "what was accepted last is lost when Redis restarts"},
	} {
		value, err := s.setting(ctx, want.name)
		switch {
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("redis: %s could not be checked (%v): make sure that it is %s", want.name, err, want.value))
		case value != want.value:
			warnings = append(warnings, fmt.Sprintf("redis: %s is %s: %s; set it to %s", want.name, value, want.otherwise, want.value))
		}
	}
	return warnings, nil
}

// Durable tells whether Redis has on disk what it acknowledged. Where it does not say, it is taken not to.
func (s *Store) Durable(ctx context.Context) bool {
	on, err := s.setting(ctx, "appendonly")
	if err != nil || on != "yes" {
		return false
	}
	sync, err := s.setting(ctx, "appendfsync")
	return err == nil && sync == "always"
}

func (s *Store) setting(ctx context.Context, name string) (string, error) {
	values, err := s.redis().ConfigGet(ctx, name).Result()
	if err == nil && values[name] == "" {
		err = errors.New("the server does not say")
	}
	return values[name], err
}
