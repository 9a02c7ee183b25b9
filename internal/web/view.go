package web

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

// runView is what the page's template sees.
type runView struct {
	pipeline.Run
	Reader    string // who has signed in; empty where nobody has to
	Title     string
	Mood      bot.Mood
	Remark    string // the run's reason, where the title does not have it
	Changed   []change
	Related   []relation
	Moments   []moment
	Scenarios []scenario // the gravest first
}

// change is one change, with its link only where that leads to a web page.
type change struct {
	pipeline.Change
	Link, Label string
	Was         string // label of what it replaces; empty for a first deploy, and for all changes but the first
	Size        string
}

// relation is how other runs relate to this one: "Repeats".
type relation struct {
	Name string
	Runs []link
}

type link struct{ Text, URL string }

// moment is when something happened to the run.
type moment struct {
	Name string
	At   time.Time
	Note string
}

// scenario is one outcome, with its findings by group.
type scenario struct {
	pipeline.Outcome
	Chart, Alt  string // signed link, relative to the page; empty without a record
	Expired     bool   // there was a record
	Measured    string // how much was judged; empty when nothing was
	Whole       []row
	Targets     []target
	Notes       []string
	Sensitivity string
	Baseline    []link
	Proof       *proof // nil without a record
}

// target is one target's findings.
type target struct {
	Name string
	Rows []row
}

func (p *Pages) view(ctx context.Context, run pipeline.Run) (runView, error) {
	view := runView{Run: run, Related: p.related(run), Moments: moments(run)}
	view.Title, view.Mood = bot.Headline(run)
	if !strings.Contains(view.Title, run.Reason) {
		view.Remark = run.Reason
	}
	for i, c := range run.Changes {
		view.Changed = append(view.Changed, changeOf(run, c, i == 0))
	}
	for _, o := range run.Outcomes {
		s, err := p.scenario(ctx, run, o)
		if err != nil {
			return runView{}, err
		}
		view.Scenarios = append(view.Scenarios, s)
	}
	slices.SortStableFunc(view.Scenarios, func(a, b scenario) int { return graver(a.Verdict, b.Verdict) })
	return view, nil
}

// graver orders verdicts from the worst to the harmless.
func graver(a, b pipeline.Verdict) int {
	switch {
	case a == b:
		return 0
	case pipeline.Worst(a, b) == a:
		return -1
	}
	return 1
}

func changeOf(run pipeline.Run, c pipeline.Change, first bool) change {
	view := change{Change: c, Label: c.Artefact().Label(), Link: webLink(c.URL), Size: size(c)}
	if first && run.Before != nil && *run.Before != c.Artefact() {
		view.Was = run.Before.Label()
	}
	return view
}

// webLink is a URL that may be followed, else nothing: an event can claim any.
func webLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return s
}

func (p *Pages) related(run pipeline.Run) []relation {
	var related []relation
	for _, r := range []struct {
		name string
		runs []string
	}{
		{"Repeats", []string{run.Parent}},
		{"Repeated as", run.Reruns},
		{"Supersedes", run.Supersedes},
		{"Superseded by", []string{run.Successor}},
		{"Tested together with", append(slices.Clone(run.Batch), run.Leader)},
	} {
		if links := p.links(r.runs); len(links) > 0 {
			related = append(related, relation{r.name, links})
		}
	}
	return related
}

// links to the pages of runs, relative to this one: Bellwether may be served beneath a path.
func (p *Pages) links(runs []string) []link {
	var links []link
	for _, id := range runs {
		if id != "" {
			links = append(links, link{id, ".." + p.signed("runs", id)})
		}
	}
	return links
}

// moments are what happened to a run, in the order in which it happened.
func moments(run pipeline.Run) []moment {
	happened := []moment{{Name: "Submitted", At: run.Submitted}}
	if !run.Started.IsZero() {
		happened = append(happened, moment{"Started", run.Started, after(run.Submitted, run.Started, "of waiting")})
	}
	if run.State.Final() && !run.Finished.IsZero() {
		ended := moment{Name: ending(run.State), At: run.Finished}
		if !run.Started.IsZero() {
			ended.Note = after(run.Started, run.Finished, "of work")
		}
		happened = append(happened, ended)
	}
	if m := run.Cancel; m != nil {
		happened = append(happened, moment{"Cancelling", m.At, marked(*m)})
	}
	if m := run.Approved; m != nil {
		happened = append(happened, moment{"Approved", m.At, marked(*m)})
	}
	if m := run.Rejected; m != nil {
		happened = append(happened, moment{"Rejected", m.At, marked(*m)})
	}
	for _, m := range slices.Concat(run.Lapsed, run.Acknowledged) {
		happened = append(happened, moment{"Acknowledged", m.At, marked(m)})
	}
	for _, m := range run.Lapsed {
		happened = append(happened, moment{"Acknowledgement over", m.Until, "that of " + m.Name})
	}
	slices.SortStableFunc(happened, func(a, b moment) int { return a.At.Compare(b.At) })
	return happened
}

func (p *Pages) scenario(ctx context.Context, run pipeline.Run, o pipeline.Outcome) (scenario, error) {
	view := scenario{
		Outcome: o, Measured: measured(run, o), Notes: notes(run, o),
		Sensitivity: sensitivity(o), Baseline: p.links(o.Baseline),
	}
	view.addFindings()
	if o.Verdict == pipeline.Failed {
		return view, nil
	}
	picture, err := p.picture(ctx, run, o)
	if errors.Is(err, bot.ErrNotFound) {
		view.Expired = true
		return view, nil
	}
	if err != nil {
		return scenario{}, err
	}
	view.Chart, view.Alt = ".."+p.signed("charts", run.ID, o.Scenario+".svg"), picture.Alt()
	view.Proof = p.proof(run, o)
	return view, nil
}

// addFindings sorts them into those of the whole scenario and those of each target.
func (s *scenario) addFindings() {
	byTarget := map[string][]row{}
	var names []string
	for _, f := range s.Findings {
		if f.Group == s.Scenario {
			s.Whole = append(s.Whole, rowOf(f))
			continue
		}
		name := cmp.Or(strings.TrimPrefix(f.Group, s.Scenario+"/"), f.Group)
		if byTarget[name] == nil {
			names = append(names, name)
		}
		byTarget[name] = append(byTarget[name], rowOf(f))
	}
	for _, name := range names {
		s.Targets = append(s.Targets, target{name, byTarget[name]})
	}
}

// Remarkable tells whether a target needs to be looked at: then the targets are not folded away.
func (s scenario) Remarkable() bool {
	return slices.ContainsFunc(s.Targets, func(t target) bool {
		return slices.ContainsFunc(t.Rows, func(r row) bool { return r.Verdict != pipeline.Pass })
	})
}

// Gated tells whether the table needs a column of gates.
func (s scenario) Gated() bool {
	return slices.ContainsFunc(s.Whole, func(r row) bool { return r.Gate != "" })
}
