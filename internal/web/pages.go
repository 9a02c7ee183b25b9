package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/charts"
	"bellwether/internal/web/login"
	"bellwether/pipeline"
)

// Pages serves what is known of runs. Load, Record and Picture return bot.ErrNotFound for what is not stored, or not any more.
type Pages struct {
	PublicURL string // no slash at the end
	Key       []byte // signs links
	Now       func() time.Time
	Load      func(ctx context.Context, run string) (pipeline.Run, error)
	Record    func(ctx context.Context, result string) (pipeline.Record, error)
	Past      func(ctx context.Context, environment string, scenario pipeline.Scenario) (pipeline.Past, error)
	Picture   func(ctx context.Context, key string) ([]byte, error) // a PNG
	Catalog   func() *pipeline.Catalog
	Login     *login.Client // nil: a signed link is enough
	Log       *slog.Logger
}

// RunURL is the signed link to a run's page.
func (p *Pages) RunURL(run string) string { return p.PublicURL + p.signed("runs", run) }

// Handler serves /runs/{id}, /charts/{run}/{scenario}.svg, /records/{run}/{scenario} and /pictures/{key}.png, and /oidc/ where
// people have to sign in. The chats' own servers fetch pictures, so these need the signature only.
func (p *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /runs/{id}", p.guard(p.signedIn(p.run)))
	mux.HandleFunc("GET /charts/{run}/{file}", p.guard(p.signedIn(p.chart)))
	mux.HandleFunc("GET /records/{run}/{scenario}", p.guard(p.signedIn(p.record)))
	mux.HandleFunc("GET /pictures/{key...}", p.guard(p.png))
	if p.Login != nil {
		mux.HandleFunc("GET "+login.CallbackPath, p.Login.Callback(p.apologise))
		mux.HandleFunc("GET "+login.LogoutPath, p.Login.Logout(p.apologise))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "private, no-cache")
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Referrer-Policy", "no-referrer") // the signature is in the address
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Robots-Tag", "noindex")
		mux.ServeHTTP(w, r)
	})
}

// signedIn asks whoever has not signed in to do so first, where that is configured.
func (p *Pages) signedIn(next http.HandlerFunc) http.HandlerFunc {
	if p.Login == nil {
		return next
	}
	return p.Login.Require(next, p.apologise)
}

func (p *Pages) run(w http.ResponseWriter, r *http.Request) {
	run, err := p.Load(r.Context(), r.PathValue("id"))
	if errors.Is(err, bot.ErrNotFound) {
		p.apologise(w, http.StatusNotFound, "This run is not known", "Runs are forgotten 90 days after their end.")
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	view, err := p.view(r.Context(), run)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if p.Login != nil {
		view.Reader, _ = p.Login.Reader(r)
	}
	p.show(w, http.StatusOK, "run.html", view)
}

func (p *Pages) chart(w http.ResponseWriter, r *http.Request) {
	svg, final, err := p.draw(r.Context(), r.PathValue("run"), strings.TrimSuffix(r.PathValue("file"), ".svg"))
	switch {
	case errors.Is(err, bot.ErrNotFound):
		p.apologise(w, http.StatusNotFound, "There is no such chart", "What was measured second by second is kept for a while only; the run's page has the numbers.")
		return
	case err != nil:
		p.fail(w, r, err)
		return
	}
	if final { // the verdict in its title stands
		w.Header().Set("Cache-Control", "private, max-age=3600")
	}
	w.Header().Set("Content-Security-Policy", chartPolicy)
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(svg) // the reader has gone
}

// draw draws the chart of a scenario of a run, and tells whether the run has ended.
func (p *Pages) draw(ctx context.Context, id, scenario string) (svg []byte, final bool, err error) {
	run, err := p.Load(ctx, id)
	if err != nil {
		return nil, false, err
	}
	for _, o := range run.Outcomes {
		if o.Scenario != scenario {
			continue
		}
		picture, err := p.picture(ctx, run, o)
		if err != nil {
			return nil, false, err
		}
		svg, err := picture.SVG()
		return svg, run.State.Final(), err
	}
	return nil, false, bot.ErrNotFound
}

func (p *Pages) picture(ctx context.Context, run pipeline.Run, o pipeline.Outcome) (charts.Latency, error) {
	record, err := p.Record(ctx, o.Result)
	if err != nil {
		return charts.Latency{}, err
	}
	return bot.Chart(run, o, record, p.Catalog().Scenarios[o.Scenario].Gates), nil
}

// fail tells the log what happened, and the reader only that something did.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.Log.Error("serve a page", "path", r.URL.Path, "error", err)
	p.apologise(w, http.StatusInternalServerError, "This did not work", "Try again in a minute. If it stays, the operator finds the reason in Bellwether's log.")
}

// apologise says on a page of its own why there is nothing else to see, and the next step.
func (p *Pages) apologise(w http.ResponseWriter, status int, title, advice string) {
	p.show(w, status, "apology.html", map[string]string{"Title": title, "Advice": advice})
}

func (p *Pages) show(w http.ResponseWriter, status int, template string, content any) {
	var html bytes.Buffer
	if err := templates.ExecuteTemplate(&html, template, content); err != nil {
		p.Log.Error("draw a page", "template", template, "error", err)
		http.Error(w, "The page could not be drawn; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(html.Bytes()) // the reader has gone
}
