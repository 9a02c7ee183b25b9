package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// Whoever looked after something for a time is missed, and reminded of that before, only as long as it is there.
func TestWhatIsOverNeedsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		later            pipeline.Course
		lapsed, reminded int
	}{
		"it is over":        {pipeline.CourseRecovered, 0, 0},
		"it is worse":       {pipeline.CourseWorse, 0, 0}, // that has an alarm of its own
		"it is still there": {pipeline.CourseSame, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := bare(t)
			for _, course := range []pipeline.Course{pipeline.CourseNew, c.later} {
				_, err := s.store.Enqueue(t.Context(), load)
				require.NoError(t, err)
				s.drain(t, "environment/load", s.judge(course))
			}
			var told pipeline.Run
			s.teller = teller(func(run pipeline.Run) { told = run })
			for _, m := range []struct {
				scope, reminder string
				until           time.Time
			}{{"cart", "ack/R1", time.Now().Add(-time.Second)}, {"", "remind/R1", time.Now().Add(time.Minute)}} {
				mark := pipeline.Mark{By: "web:siti", Name: "siti", At: time.Now().Add(-time.Hour), Scope: m.scope, Until: m.until}
				_, err := s.store.Acknowledge(t.Context(), "R1", mark)
				require.NoError(t, err)
				require.NoError(t, s.remember(t.Context(), m.reminder))
				require.Equal(t, "R1", told.ID)
			}
			require.Len(t, told.Lapsed, c.lapsed)
			require.Len(t, told.Reminded, c.reminded)
		})
	}
}

// judge ends runs that find the cart so.
func (s *server) judge(course pipeline.Course) lane.Work {
	return func(ctx context.Context, held *lane.Held) error {
		run, err := s.store.Load(ctx, held.Item.ID)
		if err != nil {
			return err
		}
		finding := pipeline.Finding{Group: "cart", Metric: pipeline.P95, Course: course}
		run.State, run.Outcomes = pipeline.Done, []pipeline.Outcome{{Scenario: "cart", Findings: []pipeline.Finding{finding}}}
		standing, err := s.store.Standing(ctx, "load")
		if err != nil {
			return err
		}
		lease := pipeline.Lease{Environment: "load", Fence: held.Fence}
		if err := s.store.Follow(ctx, lease, pipeline.Follow(run, standing)); err != nil {
			return err
		}
		return s.store.Save(ctx, lease, run)
	}
}
