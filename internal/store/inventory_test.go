package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestInstalled(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		installed, err := s.Installed(t.Context(), "load")
		require.NoError(t, err)
		require.Empty(t, installed)
		accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		want := map[string]pipeline.Artefact{
			"service:checkout": {Revision: "k1", Version: "1.4.0", Image: "registry/checkout:k1"},
			"stack:platform":   {Revision: "abc"},
		}
		for thing, artefact := range want {
			require.NoError(t, s.Install(t.Context(), held, "R1", thing, artefact))
		}
		installed, err = s.Installed(t.Context(), "load")
		require.NoError(t, err)
		require.Equal(t, want, installed)
		require.NoError(t, s.redis().HSet(t.Context(), "bw:installed:load", "stack:platform", "{").Err())
		_, err = s.Installed(t.Context(), "load")
		require.ErrorContains(t, err, "redis key bw:installed:load, field stack:platform: unexpected end of JSON input")
	})
}

func install(t *testing.T, s *Store, h pipeline.Lease, run string, c pipeline.Change) {
	t.Helper()
	require.NoError(t, s.Install(t.Context(), h, run, "service:"+c.Name, c.Artefact()))
}

// deploy takes a change from its submission to its end, installing these artefacts on the way.
func deploy(t *testing.T, s *Store, h *holder, sub pipeline.Submission, keys ...string) pipeline.Run {
	t.Helper()
	run := accept(t, s, sub)
	held := pipeline.Lease{Environment: "load", Fence: h.take(run.ID)}
	for _, key := range keys {
		install(t, s, held, run.ID, change("checkout", key).Run.Change())
	}
	save(t, s, held, run, pipeline.Done)
	h.end(nil)
	return load(t, s, run.ID)
}

func TestWhatIsInstalledIsKnownByTheRunThatBroughtIt(t *testing.T) {
	for name, test := range map[string]struct {
		installs []string // by R2, the run of k2, after R1 installed k1
		repeats  map[string]string
		changes  string // is a change again
	}{
		"deployed":                         {[]string{"k2"}, map[string]string{"k2": "R2"}, "k1"},
		"deployed, noted twice":            {[]string{"k2", "k2"}, map[string]string{"k2": "R2"}, "k1"},
		"failed":                           {nil, map[string]string{"k1": "R1"}, "k2"},
		"failed and restored":              {[]string{"k1"}, map[string]string{"k1": "R1"}, "k2"},
		"confirmed":                        {[]string{"k2", "k1", "k2", "k1", "k2"}, map[string]string{"k2": "R2"}, "k1"},
		"cancelled with the old installed": {[]string{"k2", "k1"}, map[string]string{"k1": "R1"}, "k2"},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				h := drain(t, s, "environment/load")
				deploy(t, s, h, change("checkout", "k1"), "k1")
				deploy(t, s, h, change("checkout", "k2"), test.installs...)
				for key, run := range test.repeats {
					require.Equal(t, repeatOf(run), enqueue(t, s, change("checkout", key)))
				}
				accept(t, s, change("checkout", test.changes))
			})
		})
	}
}

func TestRerunThatInstallsStandsForItsChange(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		h := drain(t, s, "environment/load")
		deploy(t, s, h, change("checkout", "k1"), "k1")
		failed := deploy(t, s, h, change("checkout", "k2"), "k1")
		again := deploy(t, s, h, rerun(failed), "k2")
		require.Equal(t, repeatOf(again.ID), enqueue(t, s, change("checkout", "k2")))
	})
}

func TestInstalledByARunThatIsForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		deploy(t, s, drain(t, s, "environment/load"), change("checkout", "k1"), "k1")
		require.NoError(t, s.redis().Del(t.Context(), "bw:run:R1").Err())
		require.Equal(t, repeatOf(""), enqueue(t, s, change("checkout", "k1")))
	})
}
