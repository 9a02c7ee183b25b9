package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/commands"
)

// said reads the whole log, newest first.
func said(t *testing.T, a *Audit) (all []commands.Entry) {
	t.Helper()
	for e, err := range a.Said(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

func TestWhatWasSaidAndWhatBecameOfIt(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a := &Audit{Store: s}
		require.Empty(t, said(t, a))
		first := commands.Entry{
			ID: "a", At: noon, Platform: "slack", Channel: "slack:C0CHECKOUT", Who: "T0TEAM/U0SITI", Name: "siti", What: "cancel R4 \x1b[2J <!channel>",
		}
		second := commands.Entry{ID: "b", At: noon, Who: "T0TEAM/U0JO", What: "cancel R4"}
		for _, e := range []commands.Entry{
			first, second,
			{ID: "b", At: noon, Run: "R4", Result: commands.ResultDenied, Reason: "Only members of team checkout may cancel R4."},
		} {
			require.NoError(t, a.Append(t.Context(), e))
			require.NoError(t, a.Append(t.Context(), e), "whose answer was lost, and which was sent again")
		}
		second.Run, second.Result, second.Reason = "R4", commands.ResultDenied, "Only members of team checkout may cancel R4."
		require.Equal(t, []commands.Entry{second, first}, said(t, a), "nobody knows yet what became of the first one")

		require.NoError(t, a.Append(t.Context(), commands.Entry{ID: "a", At: noon, Run: "R4", Result: commands.ResultDone}))
		first.Run, first.Result = "R4", commands.ResultDone
		require.Equal(t, []commands.Entry{second, first}, said(t, a))
	})
}

func TestAuditIsReadInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a := &Audit{Store: s}
		const many = 2*page + 3
		for i := range many {
			id := fmt.Sprint(i)
			require.NoError(t, a.Append(t.Context(), commands.Entry{ID: id, At: noon}))
			require.NoError(t, a.Append(t.Context(), commands.Entry{ID: id, At: noon, Result: commands.ResultDone}))
		}
		all := said(t, a)
		require.Len(t, all, many)
		for i, e := range all {
			require.Equal(t, fmt.Sprint(many-1-i), e.ID)
			require.Equal(t, commands.ResultDone, e.Result)
		}
	})
}

func TestAuditOfATime(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a := &Audit{Store: s}
		begin := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
		add := func(after time.Duration, e commands.Entry) { // as if it had been then
			text := fmt.Sprintf(`{"id":%q,"result":%q,"at":%q}`, e.ID, e.Result, noon.Format(time.RFC3339))
			id := fmt.Sprint(begin.Add(after).UnixMilli())
			require.NoError(t, s.redis().XAdd(t.Context(), &redis.XAddArgs{Stream: "bw:audit", ID: id, Values: []string{"entry", text}}).Err())
		}
		add(0, commands.Entry{ID: "before"})
		add(10*time.Second, commands.Entry{ID: "slow"})
		add(19*time.Second, commands.Entry{ID: "before", Result: commands.ResultDone})
		add(20*time.Second, commands.Entry{ID: "after"})
		add(30*time.Second, commands.Entry{ID: "slow", Result: commands.ResultFailed})
		var got []string
		for e, err := range a.Said(t.Context(), begin.Add(time.Second), begin.Add(20*time.Second)) {
			require.NoError(t, err)
			got = append(got, e.ID+" "+e.Result)
		}
		require.Equal(t, []string{"slow failed"}, got)
	})
}

func TestAuditIsKeptForAWhile(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a := &Audit{Store: s, Keep: 30 * time.Millisecond}
		require.NoError(t, a.Append(t.Context(), commands.Entry{ID: "old", At: noon}))
		n := 0
		require.Eventually(t, func() bool {
			n++
			require.NoError(t, a.Append(t.Context(), commands.Entry{ID: fmt.Sprint(n), At: noon}))
			all := said(t, a)
			return all[len(all)-1].ID != "old"
		}, 10*time.Second, 5*time.Millisecond)
		a.Keep = 0
		require.NoError(t, a.Append(t.Context(), commands.Entry{ID: "kept", At: noon}))
		before := len(said(t, a))
		require.NoError(t, a.Append(t.Context(), commands.Entry{ID: "last", At: noon}))
		require.Len(t, said(t, a), before+1, "400 days, unless told otherwise")
	})
}

func TestAnEntryThatCannotBeReadIsNotPassedOver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a := &Audit{Store: s}
		require.NoError(t, s.redis().XAdd(t.Context(), &redis.XAddArgs{Stream: "bw:audit", Values: []string{"entry", "{"}}).Err())
		var failed error
		for _, err := range a.Said(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)) {
			failed = err
		}
		require.ErrorContains(t, failed, "read the audit log: entry ")
	})
}
