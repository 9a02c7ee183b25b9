package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newStory plays against a fake, and finds out quickly that something never comes.
func newStory(t *testing.T) (*Story, *fake, *bytes.Buffer) {
	f, server := newFake(t)
	var out bytes.Buffer
	var ids atomic.Int64
	return &Story{
		URL: server.URL, Token: "s3cret", Client: server.Client(), Out: &out, Poll: time.Millisecond, Patience: 100 * time.Millisecond,
		Now:   func() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) },
		NewID: func() string { return fmt.Sprintf("%07d-id", ids.Add(1)) },
	}, f, &out
}

func TestPlayTellsEachScene(t *testing.T) {
	s, f, out := newStory(t)
	s.Patience = 10 * time.Second
	require.NoError(t, s.Play(t.Context()))
	require.Equal(t, `   0 s  measuring a baseline: 5 runs of every scenario, about a minute in all
   0 s  baseline: 1 of 5
   0 s  baseline: 2 of 5
   0 s  baseline: 3 of 5
   0 s  baseline: 4 of 5
   0 s  the baseline is measured
   0 s  1/7  A harmless change of search: passed
   0 s  2/7  A slower checkout: regressed, confirmed, and dev-sg was mentioned, who looks after it
   0 s  3/7  Two fixes in a row: the first fix was superseded, the second passed
   0 s  4/7  A change of the orders database: the scenarios of its users passed, no other ran
   0 s  5/7  A malformed event: refused
   0 s  6/7  A deploy that fails: its team was told why
   0 s  7/7  Commands: repeated, and everything passed
`, out.String())
	full := 0
	for _, run := range f.runs {
		if run.version == "full" {
			full++
		}
	}
	require.Equal(t, baselineRuns, full, "all but one run of the baseline, and the last scene")
}

func TestPlayReportsWhatDiffers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *fake)
		want   []string
	}{
		"a regression that was missed": {
			func(f *fake) { f.verdicts[slowerVersion] = "pass" },
			[]string{"scene 2, A slower checkout: R9 should end regressed, and ended pass"},
		},
		"a false alarm": {
			func(f *fake) { f.verdicts[renamed.Version] = "regressed" },
			[]string{"scene 1, A harmless change of search: R8 should end pass, and ended regressed"},
		},
		"a silent chat": {
			func(f *fake) { f.silent[brokenVersion], f.silent[widerVersion] = true, true },
			[]string{"scene 4, A change of the orders database: the thread of R13 in #infrastructure does not say", "scene 6, A deploy that fails: "},
		},
		"threads without charts": {
			func(f *fake) { f.chartless = true },
			[]string{"scene 1, ", "scene 2, A slower checkout: the thread of R9 in #team-checkout has no chart", "scene 7, "},
		},
		"a malformed event that was taken in": {
			func(f *fake) { f.verdicts["gadget"] = "pass" },
			[]string{"scene 5, A malformed event: the malformed event was taken in"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f, out := newStory(t)
			c.change(f)
			err := s.Play(t.Context())
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Equal(t, len(c.want), strings.Count(out.String(), "NOT as it should be"), out)
		})
	}
}

func TestWithoutABaselineNothingIsPlayed(t *testing.T) {
	s, f, out := newStory(t)
	f.verdicts["1.4.0"] = "failed"
	require.ErrorContains(t, s.Play(t.Context()), "measure the baseline: R2 should end pass, and ended failed")
	require.NotContains(t, out.String(), "1/7")
}

func TestWhatSettlesNothingIsMeasuredOnceMore(t *testing.T) {
	t.Run("a scene", func(t *testing.T) {
		s, f, out := newStory(t)
		f.disturbed = map[string]int{slowerVersion: 1}
		require.NoError(t, s.Play(t.Context()))
		require.Contains(t, out.String(), "once more, as this machine was too busy to settle it: R9 should end regressed, and ended invalid\n")
		require.Contains(t, out.String(), "2/7  A slower checkout: regressed")
	})
	t.Run("the baseline", func(t *testing.T) {
		s, f, _ := newStory(t)
		f.disturbed = map[string]int{"full": 1}
		require.NoError(t, s.Prepare(t.Context()))
		require.Len(t, f.runs, len(firstReleases)+baselineRuns, "one of them is no good")
	})
	t.Run("a baseline that got slower by itself", func(t *testing.T) {
		s, f, _ := newStory(t)
		f.verdicts["full"] = "regressed"
		require.ErrorContains(t, s.Prepare(t.Context()), "R5 should end pass, and ended regressed")
		require.Len(t, f.runs, 5)
	})
	t.Run("but not twice", func(t *testing.T) {
		s, f, _ := newStory(t)
		f.disturbed = map[string]int{"full": 2}
		require.ErrorContains(t, s.Prepare(t.Context()), "R5 should end pass, and ended invalid")
		require.Len(t, f.runs, 5)
	})
}

func TestEveryPressOfAButtonIsAnotherChange(t *testing.T) {
	s, f, _ := newStory(t)
	for _, scene := range s.Scenes() {
		require.NotEmpty(t, scene.Title)
		require.NotEmpty(t, scene.Text)
		for range 3 {
			require.NoError(t, s.Scene(t.Context(), scene.Key), scene.Key)
		}
	}
	for _, e := range f.events {
		if e.Detail.Kind == "service" {
			require.Equal(t, fmt.Sprintf("%s/%s:%s-%s", registry, e.Detail.Name, e.Detail.Version, e.Detail.Revision), e.Detail.Image)
		}
	}
	require.ErrorContains(t, s.Scene(t.Context(), "nonsense"), `no scene "nonsense"`)
}

func TestWhatIsSlowAlreadyIsRepairedFirst(t *testing.T) {
	s, f, _ := newStory(t)
	require.NoError(t, s.Scene(t.Context(), "slower"))
	require.NoError(t, s.Scene(t.Context(), "slower"))
	var versions []string
	for _, run := range f.runs {
		versions = append(versions, run.version)
	}
	require.Equal(t, []string{slowerVersion, repaired.Version, slowerVersion}, versions)
}

func TestTheStoryGivesUp(t *testing.T) {
	t.Run("when Bellwether does not answer", func(t *testing.T) {
		s, _, _ := newStory(t)
		s.URL = "http://127.0.0.1:1"
		require.ErrorContains(t, s.Play(t.Context()), "Bellwether does not answer")
	})
	t.Run("when the token is wrong", func(t *testing.T) {
		s, _, _ := newStory(t)
		s.Token = "guessed"
		require.ErrorContains(t, s.Scene(t.Context(), "harmless"), fmt.Sprintf("status %d", http.StatusUnauthorized))
	})
	t.Run("when its context ends", func(t *testing.T) {
		s, _, _ := newStory(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, s.Play(ctx), context.Canceled)
	})
}
