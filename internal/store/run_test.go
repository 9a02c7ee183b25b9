package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

var (
	anna = pipeline.Mark{By: "slack:U1", Name: "Anna", At: noon.Add(time.Minute), Because: "known"}
	ben  = pipeline.Mark{By: "slack:U2", Name: "Ben", At: noon.Add(time.Hour)}
)

func TestSaveAndLoad(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		run := accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		run.State, run.Stage, run.Started = pipeline.Running, pipeline.StageTest, noon
		run.Before = &pipeline.Artefact{Version: "1.3.0"}
		run.Results = []pipeline.Result{{ID: "R1/cart", Groups: map[string]pipeline.Summary{"": {Values: map[pipeline.Metric]float64{pipeline.P95: 0.1}}}}}
		run.Output = "\x00\"<é\n"
		require.NoError(t, s.Save(t.Context(), held, run))
		require.NoError(t, s.Save(t.Context(), held, run), "a checkpoint repeated")
		run.Rev = 2
		require.Equal(t, run, load(t, s, "R1"))
		require.Negative(t, s.redis().TTL(t.Context(), "bw:run:R1").Val())

		run.State, run.Finished = pipeline.Done, noon.Add(time.Hour)
		require.NoError(t, s.Save(t.Context(), held, run))
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:R1").Val())
		run.Rev, run.Schema = 3, 2
		require.Equal(t, run, load(t, s, "R1"))
	})
}

func TestRunThatIsOverIsKeptSmall(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		run := accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		save(t, s, held, run, pipeline.Done)
		stored := s.redis().HGetAll(t.Context(), "bw:run:R1").Val()
		require.True(t, strings.HasPrefix(stored["zipped"], gzipped))
		require.Equal(t, `{"schema":2}`, stored["record"], "an older Bellwether refuses it in words")

		run = load(t, s, "R1")
		run.Schema = 1
		text, err := json.Marshal(run)
		require.NoError(t, err)
		small, err := zip(run)
		require.NoError(t, err)
		for name, record := range map[string][]byte{"first": text, "then": small} {
			require.NoError(t, s.redis().HSet(t.Context(), "bw:run:R1", "record", record).Err())
			require.NoError(t, s.redis().HDel(t.Context(), "bw:run:R1", "zipped").Err())
			require.Equal(t, run, load(t, s, "R1"), "as it was stored %s", name)
		}
	})
}

func TestSaveAndMarksDoNotOverwriteEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		run := accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		_, err := s.Acknowledge(t.Context(), "R1", anna)
		require.NoError(t, err)
		_, err = s.Cancel(t.Context(), "R1", ben)
		require.NoError(t, err)
		accept(t, s, rerun(run))
		save(t, s, held, run, pipeline.Running) // as it was before all that
		got := load(t, s, "R1")
		require.Equal(t, []pipeline.Mark{anna}, got.Acknowledged)
		require.Equal(t, &ben, got.Cancel)
		require.Equal(t, []string{"R2"}, got.Reruns)
		require.Equal(t, pipeline.Running, got.State)
		require.EqualValues(t, 5, got.Rev)
		save(t, s, held, got, pipeline.Running)
		require.Equal(t, got, load(t, s, "R1"), "marks are no news of the holder's")

		save(t, s, held, got, pipeline.Cancelled)
		ended := load(t, s, "R1")
		save(t, s, held, got, pipeline.Running)
		require.Equal(t, ended, load(t, s, "R1"), "what is final stays so")
	})
}

func TestSaveDoesNotResurrect(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("cart", "k1"))
		superseded := accept(t, s, change("checkout", "k1"))
		accept(t, s, change("checkout", "k2"))
		cancelled := accept(t, s, change("search", "k1"))
		_, err := s.Cancel(t.Context(), cancelled.ID, anna)
		require.NoError(t, err)
		held, _ := hold(t, s, "R1")
		before := dump(t, s)
		save(t, s, held, superseded, pipeline.Running)
		save(t, s, held, cancelled, pipeline.Done)
		require.Equal(t, before, dump(t, s))
	})
}

func TestCancel(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		running := accept(t, s, change("checkout", "k1"))
		accept(t, s, change("search", "k1"))
		held, _ := hold(t, s, "R1")
		save(t, s, held, running, pipeline.Running)

		waited, err := s.Cancel(t.Context(), "R2", anna)
		require.NoError(t, err)
		require.Equal(t, pipeline.Cancelled, waited.State)
		require.Equal(t, anna.At, waited.Finished)
		require.Equal(t, &anna, waited.Cancel)
		require.EqualValues(t, 2, waited.Rev)
		require.Empty(t, waiting(t, s))
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:R2").Val())
		again, err := s.Cancel(t.Context(), "R2", ben)
		require.NoError(t, err)
		require.Equal(t, waited, again)

		marked, err := s.Cancel(t.Context(), "R1", anna)
		require.NoError(t, err)
		require.Equal(t, pipeline.Running, marked.State)
		require.Equal(t, &anna, marked.Cancel)
		second, err := s.Cancel(t.Context(), "R1", ben)
		require.NoError(t, err)
		require.Equal(t, marked, second)
		save(t, s, held, marked, pipeline.Cancelled)

		accept(t, s, change("search", "k1"))
		require.Equal(t, 1, accept(t, s, full()).Position, "a cancelled run is before nobody")
	})
}

func TestCancelAfterTheEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		run := accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		save(t, s, held, run, pipeline.Done)
		got, err := s.Cancel(t.Context(), "R1", anna)
		require.NoError(t, err)
		require.Nil(t, got.Cancel)
		require.EqualValues(t, 2, got.Rev)
	})
}

func TestUnknownRun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		_, err := s.Load(t.Context(), "R9")
		require.ErrorIs(t, err, bot.ErrNotFound)
		_, err = s.Acknowledge(t.Context(), "R9", anna)
		require.ErrorIs(t, err, bot.ErrNotFound)
		_, err = s.Cancel(t.Context(), "R9", anna)
		require.ErrorIs(t, err, bot.ErrNotFound)
		require.ErrorIs(t, s.Save(t.Context(), held, pipeline.Run{ID: "R9", Environment: "load"}), bot.ErrNotFound)
		require.NoError(t, s.redis().Del(t.Context(), "bw:run:R1").Err())
		require.Equal(t, []string(nil), accept(t, s, rerun(pipeline.Run{ID: "R1"})).Reruns)
		_, err = s.Load(t.Context(), "R1")
		require.ErrorIs(t, err, bot.ErrNotFound, "a rerun leaves no half run behind")
	})
}

// newestOf are the ids of the newest runs of a service or stack.
func newestOf(t *testing.T, s *Store, name string, most int) (ids []string) {
	t.Helper()
	runs, err := s.Newest(t.Context(), name, most)
	require.NoError(t, err)
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	return ids
}

func TestNewest(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		require.Empty(t, newestOf(t, s, "checkout", 1))
		old := accept(t, s, change("checkout", "k1"))
		accept(t, s, change("search", "k1"))
		require.Equal(t, []string{"R1"}, newestOf(t, s, "checkout", 1))
		accept(t, s, rerun(old))
		accept(t, s, change("checkout", "k2"))
		require.Equal(t, []string{"R4"}, newestOf(t, s, "checkout", 1))
		require.NoError(t, s.redis().Del(t.Context(), "bw:run:R3").Err())
		require.Equal(t, []string{"R4", "R1"}, newestOf(t, s, "checkout", 2), "as far as they are kept")
		require.Equal(t, []string{"R4", "R1"}, newestOf(t, s, "checkout", 9))

		runs, err := s.Newest(t.Context(), "search", 1)
		require.NoError(t, err)
		require.Equal(t, []pipeline.Run{load(t, s, "R2")}, runs)
		require.NoError(t, s.redis().HSet(t.Context(), "bw:run:R2", "record", "{").Err())
		_, err = s.Newest(t.Context(), "search", 1)
		require.ErrorContains(t, err, "newest runs of search: redis key bw:run:R2, field record")
	})
}

func TestNewestAreNotKeptWithoutEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for i := range newest + 3 {
			accept(t, s, change("checkout", fmt.Sprint("k", i)))
		}
		require.EqualValues(t, newest, s.redis().ZCard(t.Context(), "bw:newest:checkout").Val())
		require.Equal(t, []string{"R103"}, newestOf(t, s, "checkout", 1))
	})
}

func TestBoard(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		board := func() pipeline.Board {
			b, err := s.Board(t.Context(), "load")
			require.NoError(t, err)
			return b
		}
		require.Equal(t, pipeline.Board{Environment: "load"}, board())
		for _, name := range []string{"checkout", "search", "cart"} {
			accept(t, s, change(name, "k1"))
		}
		first, second, third := load(t, s, "R1"), load(t, s, "R2"), load(t, s, "R3")
		require.Equal(t, []pipeline.Run{first, second, third}, board().Waiting)
		held, _ := hold(t, s, "R1")
		require.Equal(t, pipeline.Board{Environment: "load", Held: &first, Waiting: []pipeline.Run{second, third}}, board())

		gather(t, s, held, "R1")
		first, second, third = load(t, s, "R1"), load(t, s, "R2"), load(t, s, "R3")
		require.Equal(t, pipeline.Board{Environment: "load", Held: &first, Led: []pipeline.Run{second, third}}, board())
		save(t, s, held, second, pipeline.Done)
		require.Equal(t, []pipeline.Run{third}, board().Led)

		require.NoError(t, s.redis().Del(t.Context(), "bw:run:R3").Err())
		_, err := s.Board(t.Context(), "load")
		require.ErrorContains(t, err, "board of load: run R3: not found")
	})
}
