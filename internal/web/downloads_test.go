package web

import (
	"bytes"
	"image"
	_ "image/png" // what pictures are
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/record"
	"bellwether/pipeline"
)

func (p *Pages) getURL(link string) *http.Response {
	return p.get(strings.TrimPrefix(link, p.PublicURL)).Result()
}

func TestPictureForAChat(t *testing.T) {
	s := shelved(regressed())
	run := regressed()
	png, err := bot.Chart(run, run.Outcomes[1], s.records["R42/checkout-flow"], nil).PNG()
	require.NoError(t, err)
	s.pictures["R42/checkout-flow"] = png
	p := pages(t, s)
	link := p.PictureURL("R42/checkout-flow")
	require.True(t, strings.HasPrefix(link, "https://bellwether.example.com/pictures/R42/checkout-flow.png?until="), link)

	answer := p.getURL(link)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "image/png", answer.Header.Get("Content-Type"))
	require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "public, max-age=86400, immutable", answer.Header.Get("Cache-Control"))
	require.Empty(t, answer.Cookies())

	// What Teams shows at most.
	require.Less(t, answer.ContentLength, int64(1<<20))
	picture, format, err := image.DecodeConfig(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "png", format)
	require.LessOrEqual(t, max(picture.Width, picture.Height), 1024)
}

func TestPicturesAreCachedUntilTheirLinkExpires(t *testing.T) {
	s := shelved()
	s.pictures["R1/cart"] = []byte("png")
	p := pages(t, s)
	link, end := p.PictureURL("R1/cart"), noon.Truncate(period).Add(2*period)
	p.Now = func() time.Time { return end.Add(-time.Minute) }
	require.Equal(t, "public, max-age=60, immutable", p.getURL(link).Header.Get("Cache-Control"))
	p.Now = func() time.Time { return end.Add(time.Second) }
	require.Equal(t, http.StatusGone, p.getURL(link).StatusCode)
}

func TestPicturesThatAreRefused(t *testing.T) {
	s := shelved(regressed())
	s.pictures["R42"] = []byte("png")
	p := pages(t, s)
	_, query, _ := strings.Cut(p.PictureURL("R42"), "?")
	require.Equal(t, http.StatusNotFound, p.getURL(p.PictureURL("R99/none")).StatusCode)
	s.loads = 0
	for name, target := range map[string]string{
		"unsigned":        "/pictures/R42.png",
		"another's":       "/pictures/R43.png?" + query,
		"no suffix":       "/pictures/R42?" + query,
		"a run with it":   "/runs/R42?" + query,
		"the run's sig":   "/pictures/R42.png?" + strings.SplitN(p.RunURL("R42"), "?", 2)[1],
		"a record's sig":  "/pictures/R42.png?" + strings.SplitN(p.signed("records", "R42", "checkout-flow"), "?", 2)[1],
		"escaped":         "/pictures/%5242.png?" + query,
		"double escaped":  "/pictures/%255242.png?" + query,
		"escaped slash":   "/pictures%2FR42.png?" + query,
		"changed a digit": flipped("/pictures/R42.png?" + query),
	} {
		require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, p.get(target).Code, name)
	}
	require.Zero(t, s.loads, "nothing is looked up")
}

func TestAnyPictureKeyComesThrough(t *testing.T) {
	for _, key := range []string{"R42/checkout-flow", "R42/checkout-flow/round2", "a b/ü", "a%2Fb", "a?b#c", "x.png", "x"} {
		s := shelved()
		s.pictures[key] = []byte("png")
		p := pages(t, s)
		require.Equal(t, http.StatusOK, p.getURL(p.PictureURL(key)).StatusCode, key)
	}
}

// judged is a run with its measurements and the results that were there before it.
func judged() *shelf {
	s := shelved(regressed())
	s.counted = []pipeline.Result{
		{ID: "R43/checkout-flow", Run: "R43", Scenario: "checkout-flow", Environment: "load", Start: noon.Add(time.Hour)},
		{
			ID: "R40/checkout-flow", Run: "R40", Scenario: "checkout-flow", Environment: "load", Start: noon.Add(-time.Hour), Hash: "h",
			Groups: map[string]pipeline.Summary{"": {Values: map[pipeline.Metric]float64{pipeline.P95: 226}}},
		},
		{ID: "R40/search-page", Run: "R40", Scenario: "search-page", Environment: "load", Start: noon.Add(-time.Hour)},
	}
	run := s.runs["R42"]
	for i := range run.Results {
		run.Results[i].Start, run.Results[i].Environment, run.Results[i].Hash = noon.Add(time.Minute), "load", "h"
		run.Results[i].Versions = map[string]string{"service:checkout": "1.5.0"}
	}
	return s
}

func TestMeasurementsCanBeTakenHome(t *testing.T) {
	s := judged()
	p := pages(t, s)
	answer := p.get(p.signed("records", "R42", "checkout-flow"))
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "application/gzip", answer.Header().Get("Content-Type"))
	require.Equal(t, "attachment; filename=checkout-flow-R42.json.gz", answer.Header().Get("Content-Disposition"))
	file, err := record.Read(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "R42", file.Run)
	require.Equal(t, "service:checkout", file.Thing)
	require.Equal(t, []string{"search-page", "checkout-flow"}, file.Together)
	require.Equal(t, []string{"R40", "R37", "R36", "R31", "R30", "R22"}, file.Baseline)
	require.Len(t, file.Past, 1, "what came later, and other scenarios, were not there")
	require.Equal(t, "R40", file.Past[0].Run)
	require.Equal(t, []record.Gate{{Metric: pipeline.P95, Limit: 400}}, file.Gates, "the errors were measured, and had no gate then")
	require.Equal(t, s.records["R42/checkout-flow"].Seconds(), file.Record.Seconds())
	require.Equal(t, pipeline.Summarise(s.records["R42/checkout-flow"]), pipeline.Summarise(file.Record))
}

func TestMeasurementsThatAreNotThere(t *testing.T) {
	s := judged()
	delete(s.records, "R42/search-page")
	p := pages(t, s)
	for _, segments := range [][]string{{"R99", "checkout-flow"}, {"R42", "none"}, {"R42", "search-page"}} {
		answer := p.get(p.signed("records", segments[0], segments[1]))
		require.Equal(t, http.StatusNotFound, answer.Code, segments)
		require.Contains(t, answer.Body.String(), "There is no such measurement")
	}
	require.Equal(t, http.StatusForbidden, p.get("/records/R42/checkout-flow").Code)
	s.readErr = bytes.ErrTooLarge
	require.Equal(t, http.StatusInternalServerError, p.get(p.signed("records", "R42", "checkout-flow")).Code)
}

func TestOnlyWhatWasComparedCanBeChecked(t *testing.T) {
	run := regressed()
	for i := range run.Outcomes {
		run.Outcomes[i].Baseline = nil
	}
	p := pages(t, shelved(run))
	page := p.get(p.RunURL("R42")).Body.String()
	require.NotContains(t, page, "Check it yourself")
	require.Contains(t, page, `<p class="legend">Measurements: <a href="../records/R42/checkout-flow?`, "which may be a baseline one day")
}
