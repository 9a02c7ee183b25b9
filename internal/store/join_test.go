package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestImageJoinsTheRunThatWaitsForIt(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		merge := withoutImage(change("checkout", "k1"))
		merge.Run.Changes[0].Title = "Faster carts"
		accept(t, s, merge)
		accept(t, s, change("search", "k1"))
		require.Equal(t, repeatOf("R1"), enqueue(t, s, withoutImage(change("checkout", "k1"))), "still no image")

		image := withEvent(change("checkout", "k1"), "push")
		image.Run.Changes[0].Title, image.Run.Changes[0].Version, image.Run.Changes[0].Author = "image pushed", "1.4.0", "ci"
		require.Equal(t, pipeline.Receipt{Outcome: pipeline.Joined, Run: "R1"}, enqueue(t, s, image))
		run := load(t, s, "R1")
		require.EqualValues(t, 2, run.Rev)
		require.True(t, run.ImageBy.IsZero())
		require.Equal(t, "registry/checkout:k1", run.Change().Image)
		require.Equal(t, "Faster carts", run.Change().Title)
		require.Equal(t, "1.4.0", run.Change().Version)
		require.Equal(t, "ci", run.Change().Author)

		require.Equal(t, repeatOf("R1"), enqueue(t, s, image))
		require.Equal(t, repeatOf("R1"), enqueue(t, s, change("checkout", "k1")), "it has its image")
		held, holder := hold(t, s, "R1")
		save(t, s, held, run, pipeline.Running)
		require.Equal(t, "registry/checkout:k1", load(t, s, "R1").Change().Image)
		holder.end(nil)
		holder.take("R2")
	})
}

func TestImageJoinsARunJustTaken(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		sub := withoutImage(change("checkout", "k1"))
		sub.Due = time.Time{}
		begun := accept(t, s, sub)
		held, _ := hold(t, s, "R1")
		require.Equal(t, pipeline.Joined, enqueue(t, s, change("checkout", "k1")).Outcome)
		require.Empty(t, waiting(t, s), "it is not worked on twice")
		save(t, s, held, begun, pipeline.Running)
		require.Equal(t, "registry/checkout:k1", load(t, s, "R1").Change().Image, "the first checkpoint sees it")
	})
}

func TestImageTooLateForARunMakesAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		sub := withoutImage(change("checkout", "k1"))
		sub.Due = time.Time{}
		begun := accept(t, s, sub)
		held, _ := hold(t, s, "R1")
		save(t, s, held, begun, pipeline.Running)
		require.Equal(t, "R2", accept(t, s, change("checkout", "k1")).ID)
		require.Equal(t, repeatOf("R2"), enqueue(t, s, change("checkout", "k1")))
		require.Equal(t, pipeline.Running, load(t, s, "R1").State)
	})
}
