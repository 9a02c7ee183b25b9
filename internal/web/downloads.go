package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/internal/record"
	"bellwether/pipeline"
)

// pictureAge is for how long a chat may keep a picture, which never changes, without asking again.
const pictureAge = 24 * time.Hour

// PictureURL is the signed link to a stored PNG, for a chat that fetches its pictures itself.
func (p *Pages) PictureURL(key string) string {
	return p.PublicURL + p.signed(append([]string{"pictures"}, strings.Split(key+".png", "/")...)...)
}

func (p *Pages) png(w http.ResponseWriter, r *http.Request) {
	png, err := p.Picture(r.Context(), strings.TrimSuffix(r.PathValue("key"), ".png"))
	switch {
	case errors.Is(err, bot.ErrNotFound):
		p.apologise(w, http.StatusNotFound, "There is no such picture", "Pictures are kept for 30 days; the run's page may still have the chart.")
		return
	case err != nil:
		p.fail(w, r, err)
		return
	}
	until, _ := p.verify(r.URL.EscapedPath(), r.URL.Query()) // the guard has seen it
	age := max(0, min(pictureAge, until.Sub(p.Now())))
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d, immutable", int(age.Seconds())))
	w.Header().Set("Content-Security-Policy", chartPolicy)
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(png)))
	_, _ = w.Write(png) // the reader has gone
}

// proof is with what a reader can have an outcome judged again.
type proof struct {
	Measured link // the file of the run's own measurements
	Baseline []link
	Command  string // empty when it was compared with nothing
}

func (p *Pages) proof(run pipeline.Run, o pipeline.Outcome) *proof {
	file := func(id string) link {
		return link{id, ".." + p.signed("records", id, o.Scenario)}
	}
	view := &proof{Measured: file(run.ID), Command: bot.Reproduce(run.ID, o)}
	for _, id := range o.Baseline {
		view.Baseline = append(view.Baseline, file(id))
	}
	return view
}

func (p *Pages) record(w http.ResponseWriter, r *http.Request) {
	id, scenario := r.PathValue("run"), r.PathValue("scenario")
	file, err := p.file(r.Context(), id, scenario)
	switch {
	case errors.Is(err, bot.ErrNotFound):
		p.apologise(w, http.StatusNotFound, "There is no such measurement", "Runs are forgotten 90 days after their end, and what they measured once it is 30 days in no baseline.")
		return
	case err != nil:
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", chartPolicy)
	w.Header().Set("Content-Type", "application/gzip")
	w.Header().Set("Content-Disposition", "attachment; filename="+bot.ResultFile(scenario, id)) // which needs no quotes
	if err := file.Write(w); err != nil {
		p.Log.Warn("send a record", "run", id, "scenario", scenario, "error", err)
	}
}

// file of what a scenario of a run measured.
func (p *Pages) file(ctx context.Context, id, scenario string) (record.File, error) {
	run, err := p.Load(ctx, id)
	if err != nil {
		return record.File{}, err
	}
	i := slices.IndexFunc(run.Outcomes, func(o pipeline.Outcome) bool { return o.Scenario == scenario })
	if i < 0 {
		return record.File{}, fmt.Errorf("scenario %s of run %s: %w", scenario, id, bot.ErrNotFound)
	}
	o := run.Outcomes[i]
	measured, err := p.Record(ctx, o.Result)
	if err != nil {
		return record.File{}, err
	}
	current := p.Catalog().Scenarios[scenario]
	current.Name = scenario // also when it is gone from the catalog
	past, err := p.Past(ctx, run.Environment, current)
	if err != nil {
		return record.File{}, err
	}
	file, known := record.Of(run, o, current.Gates, past.Results, measured)
	if !known {
		return record.File{}, fmt.Errorf("result %s: %w", o.Result, bot.ErrNotFound)
	}
	return file, nil
}
