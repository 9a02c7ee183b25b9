package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/lane"
	"bellwether/pipeline"
)

var room = pipeline.Channel{Platform: "slack", ID: "C1"}

func outgoing(id string, version int64, title string) bot.Outgoing {
	return bot.Outgoing{ID: id, Channel: room, Run: "R1", Version: version, Message: bot.Message{Title: title}}
}

func want(t *testing.T, s *Store, o bot.Outgoing, due time.Time) {
	t.Helper()
	require.NoError(t, s.Want(t.Context(), o, due))
}

func letter(t *testing.T, s *Store, id string) bot.Letter {
	t.Helper()
	l, err := s.Open(t.Context(), id)
	require.NoError(t, err)
	return l
}

func queued(t *testing.T, s *Store) []lane.Item {
	t.Helper()
	state, err := s.Lanes.State(t.Context(), "channel/slack:C1")
	require.NoError(t, err)
	return state.Waiting
}

// idle sees that the channel has nothing to do. The lane is let go just after its last item ended.
func idle(t *testing.T, s *Store, why string) {
	t.Helper()
	require.Eventually(t, func() bool {
		state, err := s.Lanes.State(t.Context(), "channel/slack:C1")
		return err == nil && state.Held == nil && len(state.Waiting) == 0
	}, time.Second, 2*time.Millisecond, why)
}

// deliver takes the message from the lane and notes what became of it.
func deliver(t *testing.T, s *Store, h *holder, id string, d bot.Delivery) {
	t.Helper()
	require.NoError(t, s.Note(t.Context(), bot.Lease{Channel: room, Fence: h.take(id)}, id, d))
	h.end(nil)
}

func TestWantAndOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		_, err := s.Open(t.Context(), "m")
		require.ErrorIs(t, err, bot.ErrNotFound)
		o := outgoing("m", 3, "Testing <checkout> 1.4.0")
		o.Message.Facts = []bot.Fact{{Name: "Team", Value: bot.Text{bot.At(noon)}}}
		want(t, s, o, time.Time{})
		require.Equal(t, bot.Letter{Outgoing: o}, letter(t, s, "m"))
		require.Equal(t, keepLetters, s.redis().TTL(t.Context(), "bw:letter:m").Val())
		require.Equal(t, []lane.Item{{ID: "m"}}, queued(t, s))
	})
}

func TestNewestContentIsKept(t *testing.T) {
	for name, test := range map[string]struct {
		wants   []bot.Outgoing
		version int64
		title   string
	}{
		"newer":                     {[]bot.Outgoing{outgoing("m", 1, "a"), outgoing("m", 2, "b")}, 2, "b"},
		"older":                     {[]bot.Outgoing{outgoing("m", 2, "a"), outgoing("m", 1, "b")}, 2, "a"},
		"same version":              {[]bot.Outgoing{outgoing("m", 2, "a"), outgoing("m", 2, "b")}, 2, "a"},
		"same content":              {[]bot.Outgoing{outgoing("m", 1, "a"), outgoing("m", 2, "a")}, 1, "a"},
		"late, after same content":  {[]bot.Outgoing{outgoing("m", 1, "a"), outgoing("m", 3, "a"), outgoing("m", 2, "b")}, 1, "a"},
		"newer, after same content": {[]bot.Outgoing{outgoing("m", 1, "a"), outgoing("m", 3, "a"), outgoing("m", 4, "b")}, 4, "b"},
		"version 0":                 {[]bot.Outgoing{outgoing("m", 0, "a")}, 0, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				for _, o := range test.wants {
					want(t, s, o, time.Time{})
				}
				got := letter(t, s, "m")
				require.Equal(t, test.version, got.Version)
				require.Equal(t, test.title, got.Message.Title)
			})
		})
	}
}

func TestEarliestDueHolds(t *testing.T) {
	soon := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	later := soon.Add(time.Hour)
	for name, test := range map[string]struct {
		dues []time.Time
		want time.Time
	}{
		"debounced":              {[]time.Time{soon, later}, soon},
		"final state overtakes":  {[]time.Time{later, soon}, soon},
		"final state at once":    {[]time.Time{later, {}}, time.Time{}},
		"at once is not put off": {[]time.Time{{}, later}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				for i, due := range test.dues {
					want(t, s, outgoing("m", int64(i+1), fmt.Sprint(i)), due)
					want(t, s, outgoing("behind", 1, ""), time.Time{})
				}
				require.Equal(t, []lane.Item{{ID: "m", Due: test.want}, {ID: "behind"}}, queued(t, s))
			})
		})
	}
}

func TestWhatIsVisibleIsSentAgainOnlyWhenItDiffers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		h := drain(t, s, "channel/")
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		deliver(t, s, h, "m", bot.Delivery{Attempted: noon, Ref: "1.2", Sent: 1})
		require.Equal(t, bot.Delivery{Attempted: noon, Ref: "1.2", Sent: 1}, letter(t, s, "m").Delivery)
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		want(t, s, outgoing("m", 2, "a"), time.Time{})
		idle(t, s, "nothing is new")
		want(t, s, outgoing("m", 3, "b"), time.Now().Add(time.Hour))
		require.Len(t, queued(t, s), 1)
		require.Equal(t, bot.Delivery{Attempted: noon, Ref: "1.2", Sent: 1}, letter(t, s, "m").Delivery)
	})
}

func TestLetterIsKeptLongerThanItsRunCanBeTold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		require.Greater(t, keepLetters, keepRuns)
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		require.NoError(t, s.redis().Expire(t.Context(), "bw:letter:m", time.Hour).Err())
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		require.Equal(t, keepLetters, s.redis().TTL(t.Context(), "bw:letter:m").Val(), "though it says nothing new")
	})
}

func TestUndeliveredIsPutBackIntoItsLane(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		_, err := s.do(t.Context(), redis.NewScript(common+`lane_remove(prefix, ARGV[2], ARGV[3])`), "channel/slack:C1", "m")
		require.NoError(t, err)
		require.Empty(t, queued(t, s))
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		require.Equal(t, []lane.Item{{ID: "m"}}, queued(t, s))
	})
}

func TestParked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		h := drain(t, s, "channel/")
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		deliver(t, s, h, "m", bot.Delivery{Parked: "no such channel"})
		require.Equal(t, "no such channel", letter(t, s, "m").Parked)
		want(t, s, outgoing("m", 2, "a"), time.Time{})
		idle(t, s, "refused is refused")
		want(t, s, outgoing("m", 3, "b"), time.Time{})
		require.Empty(t, letter(t, s, "m").Parked, "other content is another try")

		fence := h.take("m")
		want(t, s, outgoing("m", 4, "c"), time.Now().Add(time.Hour))
		require.NoError(t, s.Note(t.Context(), bot.Lease{Channel: room, Fence: fence}, "m", bot.Delivery{Parked: "too long"}))
		require.Empty(t, letter(t, s, "m").Parked, "the content that was refused is no longer wanted")
	})
}

func parked(t *testing.T, s *Store) map[string]string {
	t.Helper()
	all, err := s.Parked(t.Context())
	require.NoError(t, err)
	n, err := s.ParkedCount(t.Context())
	require.NoError(t, err)
	require.Len(t, all, int(n))
	reasons := map[string]string{}
	for _, p := range all {
		require.Equal(t, room, p.Channel)
		require.WithinDuration(t, time.Now(), p.At, time.Minute)
		reasons[p.Message.Title] = p.Parked
	}
	return reasons
}

func TestParkedCanBeSentAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		h := drain(t, s, "channel/")
		require.Empty(t, parked(t, s))
		want(t, s, outgoing("sent", 1, "a"), time.Time{})
		deliver(t, s, h, "sent", bot.Delivery{Ref: "0", Sent: 1})
		for _, id := range []string{"m", "n", "o"} {
			want(t, s, outgoing(id, 1, "title of "+id), time.Time{})
			deliver(t, s, h, id, bot.Delivery{Parked: "archived"})
		}
		require.Equal(t, map[string]string{"title of m": "archived", "title of n": "archived", "title of o": "archived"}, parked(t, s))

		require.NoError(t, s.Unpark(t.Context(), "m"))
		fence := h.take("m")
		require.Empty(t, letter(t, s, "m").Parked)
		require.ErrorIs(t, s.Unpark(t.Context(), "m"), bot.ErrNotFound)
		require.NoError(t, s.Note(t.Context(), bot.Lease{Channel: room, Fence: fence}, "m", bot.Delivery{Parked: "still archived"}))
		h.end(nil)
		require.Equal(t, "still archived", parked(t, s)["title of m"])

		want(t, s, outgoing("n", 2, "other"), time.Time{})
		require.NotContains(t, parked(t, s), "title of n", "other content is another try")
		deliver(t, s, h, "n", bot.Delivery{Ref: "1", Sent: 2})
		require.NoError(t, s.redis().Del(t.Context(), "bw:letter:o").Err())
		require.Equal(t, map[string]string{"title of m": "still archived"}, parked(t, s))
		require.ErrorIs(t, s.Unpark(t.Context(), "o"), bot.ErrNotFound)
		require.EqualValues(t, 1, s.redis().ZCard(t.Context(), "bw:parked").Val(), "what is no longer kept is not listed for ever")
	})
}

func TestRunOfAThread(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		h := drain(t, s, "channel/")
		root, reply, hello := outgoing("root", 1, "a"), outgoing("reply", 1, "b"), outgoing("hello", 1, "c")
		reply.Root, hello.Run = "root", ""
		for i, o := range []bot.Outgoing{root, reply, hello} {
			want(t, s, o, time.Time{})
			deliver(t, s, h, o.ID, bot.Delivery{Ref: fmt.Sprint("1.", i), Sent: 1})
		}
		for ref, want := range map[string]string{"1.0": "R1", "1.1": "", "1.2": "", "": ""} {
			run, err := s.RunOf(t.Context(), room, ref)
			require.NoError(t, err)
			require.Equal(t, want, run, ref)
		}
		run, err := s.RunOf(t.Context(), pipeline.Channel{Platform: "slack", ID: "C2"}, "1.0")
		require.NoError(t, err)
		require.Empty(t, run)
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:thread:slack:C1/1.0").Val())
	})
}

func TestNoteOfWhatIsNotStored(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		h := drain(t, s, "channel/")
		want(t, s, outgoing("m", 1, "a"), time.Time{})
		fence := h.take("m")
		require.NoError(t, s.redis().Del(t.Context(), "bw:letter:m").Err())
		err := s.Note(t.Context(), bot.Lease{Channel: room, Fence: fence}, "m", bot.Delivery{Ref: "1"})
		require.ErrorIs(t, err, bot.ErrNotFound)
		require.Zero(t, s.redis().Exists(t.Context(), "bw:letter:m").Val())
	})
}

func TestPictures(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		_, err := s.Picture(t.Context(), "R1/cart")
		require.ErrorIs(t, err, bot.ErrNotFound)
		png := []byte("\x89PNG\r\n\x00")
		require.NoError(t, s.KeepPicture(t.Context(), "R1/cart", png))
		got, err := s.Picture(t.Context(), "R1/cart")
		require.NoError(t, err)
		require.Equal(t, png, got)
		require.Equal(t, keepPictures, s.redis().TTL(t.Context(), "bw:picture:R1/cart").Val())
	})
}
