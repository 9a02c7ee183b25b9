package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

//go:embed templates
var files embed.FS

var page = template.Must(template.ParseFS(files, "templates/run.html"))

// Pages serves what is known of runs.
type Pages struct {
	PublicURL string // no slash at the end
	Key       []byte // signs links
	Now       func() time.Time
	Load      func(ctx context.Context, run string) (pipeline.Run, error)
	Record    func(ctx context.Context, result string) (pipeline.Record, error)
	Catalog   func() *pipeline.Catalog
	Log       *slog.Logger
}

// RunURL is the signed link to a run's page.
func (p *Pages) RunURL(run string) string { return p.PublicURL + p.signed("/runs/"+escaped(run)) }

// Handler serves /runs/{id} and /charts/{run}/{scenario}.svg.
func (p *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /runs/{id}", p.guard(p.run))
	mux.HandleFunc("GET /charts/{run}/{file}", p.guard(p.chart))
	return mux
}

// runView is what the page's template sees.
type runView struct {
	Run       pipeline.Run
	Title     string
	Mood      bot.Mood
	Scenarios []scenarioView
}

type scenarioView struct {
	pipeline.Outcome
	Rows  [][]string
	Chart string // signed link; empty without a record
	Alt   string
}

func (p *Pages) run(w http.ResponseWriter, r *http.Request) {
	run, err := p.Load(r.Context(), r.PathValue("id"))
	if err != nil {
		p.missing(w, r, err, "This run is not known. Runs are forgotten 90 days after their end.")
		return
	}
	view := runView{Run: run}
	view.Title, view.Mood = bot.Headline(run)
	for _, o := range run.Outcomes {
		view.Scenarios = append(view.Scenarios, p.scenario(r.Context(), run, o))
	}
	var html bytes.Buffer
	if err := page.Execute(&html, view); err != nil {
		p.Log.Error("draw a run's page", "run", run.ID, "error", err)
		http.Error(w, "The page could not be drawn; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html.Bytes()) // the reader has gone
}

func (p *Pages) scenario(ctx context.Context, run pipeline.Run, o pipeline.Outcome) scenarioView {
	view := scenarioView{Outcome: o, Rows: bot.Rows(o)}
	record, err := p.Record(ctx, o.Result)
	if err != nil {
		return view // expired: the numbers stand without the picture
	}
	view.Chart = p.signed("/charts/" + escaped(run.ID) + "/" + escaped(o.Scenario) + ".svg")
	view.Alt = bot.Chart(run, o, record, p.Catalog().Scenarios[o.Scenario].Gates).Alt()
	return view
}

func (p *Pages) chart(w http.ResponseWriter, r *http.Request) {
	run, err := p.Load(r.Context(), r.PathValue("run"))
	if err != nil {
		p.missing(w, r, err, "This run is not known.")
		return
	}
	scenario := strings.TrimSuffix(r.PathValue("file"), ".svg")
	for _, o := range run.Outcomes {
		if o.Scenario == scenario {
			p.draw(w, r, run, o)
			return
		}
	}
	http.Error(w, "This run has no such chart.", http.StatusNotFound)
}

func (p *Pages) draw(w http.ResponseWriter, r *http.Request, run pipeline.Run, o pipeline.Outcome) {
	record, err := p.Record(r.Context(), o.Result)
	if err != nil {
		p.missing(w, r, err, "What was measured has expired.")
		return
	}
	svg, err := bot.Chart(run, o, record, p.Catalog().Scenarios[o.Scenario].Gates).SVG()
	if err != nil {
		p.missing(w, r, err, "The chart could not be drawn.")
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(svg) // the reader has gone
}

func (p *Pages) missing(w http.ResponseWriter, r *http.Request, err error, text string) {
	if errors.Is(err, bot.ErrNotFound) {
		http.Error(w, text, http.StatusNotFound)
		return
	}
	p.Log.Error("serve a page", "path", r.URL.Path, "error", err)
	http.Error(w, "This did not work; the log says why.", http.StatusInternalServerError)
}
