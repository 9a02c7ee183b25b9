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

// Want stores an intent and has its channel's lane bring it out. The earliest due time asked for since it was last brought
// out holds: the end of a run does not wait behind a debounced progress.
//
// A letter is a hash:
//
//	content     JSON of the intent, version 0, so that equal content compares equal
//	version     of the content
//	wanted      the newest version asked for, with whatever content
//	opens       the run whose thread this message opens; "" for others
//	attempted, ref, sent, parked   the delivery; absent until Note
func (s *Store) Want(ctx context.Context, o bot.Outgoing, due time.Time) error {
	opens, version := "", o.Version
	if o.Root == "" {
		opens = o.Run
	}
	o.Version = 0
	content, err := json.Marshal(o)
	if err == nil {
		_, err = s.do(ctx, wantScript, channelLane(o.Channel), o.ID, content, version, opens, millis(due), seconds(keepLetters))
	}
	return wrap(err, "want message %s", o.ID)
}

var wantScript = redis.NewScript(common + `
local lane, id, content, version, opens, due, keep = unpack(ARGV, 2, 8)
local letter = key('letter', id)

local function push()
  lane_push(prefix, lane, id, math.min(tonumber(due), lane_due_of(prefix, lane, id) or math.huge))
end

local stored = redis.call('HMGET', letter, 'content', 'wanted', 'version', 'sent', 'parked')
local newer = tonumber(version) > tonumber(stored[2] or -1)
if newer then redis.call('HSET', letter, 'wanted', version) end
if newer and stored[1] ~= content then
  redis.call('HSET', letter, 'content', content, 'version', version, 'opens', opens)
  redis.call('HDEL', letter, 'parked')
  redis.call('ZREM', prefix .. 'parked', id)
  push()
elseif tonumber(stored[4] or 0) < tonumber(stored[3]) and (stored[5] or '') == '' then
  push()
end
redis.call('EXPIRE', letter, keep)`)

// Open reads an intent and what became of it.
func (s *Store) Open(ctx context.Context, id string) (bot.Letter, error) {
	key := s.key("letter", id)
	values, err := s.redis().HGetAll(ctx, key).Result()
	if err != nil {
		return bot.Letter{}, fmt.Errorf("message %s: %w", id, err)
	}
	if len(values) == 0 {
		return bot.Letter{}, fmt.Errorf("message %s: %w", id, bot.ErrNotFound)
	}
	return decodeLetter(&fields{key: key, values: values})
}

func decodeLetter(f *fields) (letter bot.Letter, err error) {
	f.json("content", &letter.Outgoing)
	letter.Version = f.int("version")
	letter.Delivery = bot.Delivery{
		Attempted: f.time("attempted"), Ref: f.values["ref"], Sent: f.int("sent"), Parked: f.values["parked"],
	}
	return letter, f.err
}

// Note stores what became of an intent. That it was parked is dropped when it was wanted again meanwhile: what was parked
// is then not what is wanted.
func (s *Store) Note(ctx context.Context, lease bot.Lease, id string, d bot.Delivery) error {
	_, err := s.do(ctx, noteScript, channelLane(lease.Channel), lease.Fence, id, stamp(d.Attempted), d.Ref, d.Sent, d.Parked,
		s.thread(lease.Channel, d.Ref), seconds(keepLetters), seconds(keepRuns))
	return wrap(err, "note what became of message %s", id)
}

var noteScript = redis.NewScript(fenced + `
local id, attempted, ref, sent, parked, thread, keep, keep_thread = unpack(ARGV, 4, 11)
local letter = key('letter', id)
local opens = redis.call('HGET', letter, 'opens')
if not opens then return redis.error_reply('ABSENT') end
if lane_waits(prefix, lane, id) then parked = '' end
redis.call('HSET', letter, 'attempted', attempted, 'ref', ref, 'sent', sent, 'parked', parked)
redis.call('EXPIRE', letter, keep)
if parked == '' then
  redis.call('ZREM', prefix .. 'parked', id)
else
  redis.call('ZADD', prefix .. 'parked', 'NX', lane_now(), id)
end
if ref ~= '' and opens ~= '' then redis.call('SET', thread, opens, 'EX', keep_thread) end`)

// Parked is a letter that its platform refused for good.
type Parked struct {
	bot.Letter
	At time.Time // when it was parked first
}

// Parked lists what was parked and not sent since, oldest first.
func (s *Store) Parked(ctx context.Context) ([]Parked, error) {
	ids, err := s.redis().ZRangeWithScores(ctx, s.Lanes.Prefix+"parked", 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list parked messages: %w", err)
	}
	var all []Parked
	for _, z := range ids {
		letter, err := s.Open(ctx, z.Member.(string))
		switch {
		case errors.Is(err, bot.ErrNotFound): // no longer kept
			err = s.redis().ZRem(ctx, s.Lanes.Prefix+"parked", z.Member).Err()
		case err == nil:
			all = append(all, Parked{letter, time.UnixMilli(int64(z.Score))})
		}
		if err != nil {
			return nil, fmt.Errorf("list parked messages: %w", err)
		}
	}
	return all, nil
}

// ParkedCount is how many letters Parked would list.
func (s *Store) ParkedCount(ctx context.Context) (int64, error) {
	n, err := s.redis().ZCard(ctx, s.Lanes.Prefix+"parked").Result()
	return n, wrap(err, "count parked messages")
}

// Unpark has a parked letter be sent again; bot.ErrNotFound for one that is not parked.
func (s *Store) Unpark(ctx context.Context, id string) error {
	letter, err := s.Open(ctx, id)
	if err == nil {
		_, err = s.do(ctx, unparkScript, channelLane(letter.Channel), id)
	}
	return wrap(err, "send message %s again", id)
}

var unparkScript = redis.NewScript(common + `
local lane, id = ARGV[2], ARGV[3]
if redis.call('ZREM', prefix .. 'parked', id) == 0 then return redis.error_reply('ABSENT') end
redis.call('HDEL', key('letter', id), 'parked')
lane_push(prefix, lane, id, 0)`)

// RunOf is the run whose thread has this root in the channel; "" when there is none.
func (s *Store) RunOf(ctx context.Context, channel pipeline.Channel, rootRef string) (string, error) {
	run, err := s.redis().Get(ctx, s.thread(channel, rootRef)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return run, wrap(err, "run of thread %s in %s", rootRef, channel)
}

func (s *Store) thread(channel pipeline.Channel, ref string) string {
	return s.key("thread", channel.String(), ref)
}

// Picture reads a PNG; bot.ErrNotFound once it has expired.
func (s *Store) Picture(ctx context.Context, key string) ([]byte, error) {
	png, err := s.redis().Get(ctx, s.key("picture", key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("picture %s: %w", key, bot.ErrNotFound)
	}
	return png, wrap(err, "picture %s", key)
}

// KeepPicture stores a PNG for 30 days.
func (s *Store) KeepPicture(ctx context.Context, key string, png []byte) error {
	return wrap(s.redis().Set(ctx, s.key("picture", key), png, keepPictures).Err(), "keep picture %s", key)
}
