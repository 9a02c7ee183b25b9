package engine

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/pipeline"
)

func TestScheduleOffersTheRateOfEverySecond(t *testing.T) {
	tests := map[string]struct {
		stages []pipeline.LoadStage
		want   []int64
	}{
		"even":            {[]pipeline.LoadStage{{From: 50, To: 50, Over: 3 * time.Second}}, []int64{50, 50, 50}},
		"ramp from zero":  {[]pipeline.LoadStage{{From: 0, To: 100, Over: 2 * time.Second}}, []int64{25, 75}},
		"ramp to zero":    {[]pipeline.LoadStage{{From: 100, To: 0, Over: 2 * time.Second}}, []int64{75, 25}},
		"ramp and hold":   {[]pipeline.LoadStage{{To: 20, Over: time.Second}, {From: 20, To: 20, Over: 2 * time.Second}}, []int64{10, 20, 20}},
		"a break":         {[]pipeline.LoadStage{{From: 8, To: 8, Over: time.Second}, {Over: 2 * time.Second}, {To: 6, Over: time.Second}}, []int64{8, 0, 0, 3}},
		"broken seconds":  {[]pipeline.LoadStage{{From: 10, To: 10, Over: 700 * time.Millisecond}, {From: 100, To: 100, Over: 800 * time.Millisecond}}, []int64{37, 50}},
		"less than one/s": {[]pipeline.LoadStage{{From: 0.5, To: 0.5, Over: 4 * time.Second}}, []int64{0, 1, 0, 1}},
		"no stage":        {nil, []int64{}},
		"an empty stage":  {[]pipeline.LoadStage{{From: 9, To: 9}, {From: 5, To: 5, Over: time.Second}}, []int64{5}},
		"nothing at all":  {[]pipeline.LoadStage{{Over: time.Second}}, []int64{0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			offered := []int64{}
			for _, tick := range newSchedule(pipeline.Load{Stages: test.stages}).ticks() {
				offered = append(offered, tick.Offered)
			}
			require.Equal(t, test.want, offered)
		})
	}
}

func TestScheduleSpreadsAnEvenRateEvenly(t *testing.T) {
	s := newSchedule(pipeline.Load{Stages: []pipeline.LoadStage{{From: 10, To: 10, Over: time.Second}}})
	for n := range 10 {
		require.InDelta(t, 50*time.Millisecond+time.Duration(n)*100*time.Millisecond, s.due(n), float64(time.Microsecond))
	}
}

// A ramp from 0 has sent rate²/(2*slope) requests when it has reached a rate.
func TestScheduleIntegratesARampExactly(t *testing.T) {
	s := newSchedule(pipeline.Load{Stages: []pipeline.LoadStage{{To: 200, Over: 10 * time.Second}}})
	require.Equal(t, 1000, s.requests)
	for _, n := range []int{0, 1, 10, 500, 999} {
		at := s.due(n).Seconds()
		require.InDelta(t, float64(n)+0.5, 10*at*at, 1e-5)
	}
}

func TestScheduleKeepsItsPromisesForAnyLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate, over := rapid.Float64Range(0, 500), rapid.Int64Range(0, int64(5*time.Second))
		load := pipeline.Load{Stages: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pipeline.LoadStage {
			return pipeline.LoadStage{From: rate.Draw(t, "from"), To: rate.Draw(t, "to"), Over: time.Duration(over.Draw(t, "over"))}
		}), 0, 5).Draw(t, "stages")}
		s := newSchedule(load)
		var last time.Duration
		perSecond := make([]int64, seconds(load.Duration()))
		for n := range s.requests {
			due := s.due(n)
			require.GreaterOrEqual(t, due, last)
			require.Less(t, due, load.Duration())
			last = due
			perSecond[due/time.Second]++
		}
		for i, tick := range s.ticks() {
			require.Equal(t, perSecond[i], tick.Offered)
		}
	})
}

// Its context ended while the process stood still: the timer that says so fires a moment after the process goes on.
func TestARequestLongOverdueIsNotSentForNobody(t *testing.T) {
	p := &pacer{began: time.Now().Add(-time.Minute)}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
	require.NoError(t, err)
	_, err = p.awake(sender(func(r *http.Request) (*http.Response, error) { return nil, r.Context().Err() })).RoundTrip(r)
	require.ErrorIs(t, err, context.Canceled)
}
