package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/internal/store"
	"bellwether/pipeline"
)

// newWebSite speaks on the chat page.
func newWebSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, miniredis.RunT(t).Addr())
	s.speak(t, object{"web": object{"enabled": true}}, "{web: team-checkout}", "{web: platform}")
	return s
}

// types what somebody types in a channel of the chat page.
func (s *site) types(t *testing.T, channel, text string) {
	t.Helper()
	body, err := json.Marshal(object{"channel": channel, "as": "dev-sg", "text": text})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/chat/commands", strings.NewReader(string(body)))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

// read waits until a channel says something.
func (s *site) read(t *testing.T, text string) {
	t.Helper()
	eventually(t, "the chat says "+text, func() bool {
		return strings.Contains(s.ask(t, http.MethodGet, "/chat/transcript.json", ""), text)
	})
}

// An environment on hold starts nothing; what waits is told, and goes on once it is released.
func TestHoldAndRelease(t *testing.T) {
	t.Parallel()
	s := newWebSite(t)
	s.serve(t)
	s.types(t, "platform", "hold load because of an upgrade")
	s.read(t, "load is on hold")
	run := s.submit(t, "1.0.0")
	s.read(t, "checkout 1.0.0: the load test waits, because load is on hold")

	out, code := s.run(t, "status", "--config", s.config(t))
	require.Zero(t, code)
	require.Regexp(t, `^load\n  on hold for (less than 1 s|\d+ s), by dev-sg: of an upgrade\n  waits  R1  checkout 1.0.0: `, out)
	out, code = s.run(t, "status", "load", "--config", s.config(t), "--json")
	require.Zero(t, code)
	var boards []struct {
		Running *struct{ Run string }
		Hold    *pipeline.Hold
		Waiting []struct{ Run string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &boards))
	require.Nil(t, boards[0].Running)
	require.Equal(t, "of an upgrade", boards[0].Hold.By.Because)
	require.Equal(t, run, boards[0].Waiting[0].Run)
	_, code = s.run(t, "status", "laod", "--config", s.config(t))
	require.Equal(t, exitUnknown, code)

	s.types(t, "platform", "release load")
	s.read(t, "load was on hold, and is released")
	require.Equal(t, pipeline.Done, s.ended(t, run).State)
}

// A run that waits too long is told once, and a hold ends by itself; a run of everything lets changes go first.
func TestTimesOfALane(t *testing.T) {
	t.Parallel()
	s := newWebSite(t)
	catalog := fmt.Sprintf(catalogText, "{web: team-checkout}", "{web: platform}", s.shop.URL)
	s.write(t, "catalog.yaml", strings.Replace(catalog, "load: {url: ", "load: {max_wait: 1s, url: ", 1))
	s.serve(t)
	s.types(t, "platform", "hold load because of an upgrade")
	s.read(t, "load is on hold")
	s.types(t, "platform", "full load")
	full := "R1"
	change := s.submit(t, "1.0.0")
	s.read(t, "checkout 1.0.0 still waits for load")
	s.types(t, "platform", "release load")
	s.ended(t, full)
	first, err := s.memory(t).Load(t.Context(), change)
	require.NoError(t, err)
	second, err := s.memory(t).Load(t.Context(), full)
	require.NoError(t, err)
	require.True(t, first.Finished.Before(second.Started), "the change goes before the full run, though it came later")
}

// memory is the installation's.
func (s *site) memory(t *testing.T) *store.Store { return &store.Store{Lanes: s.lanes(t)} }
