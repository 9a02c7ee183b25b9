package web

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bellwether/bot"
	"bellwether/pipeline"
)

// row is a finding as cells of text.
type row struct {
	Metric, Now, Was, Change, Interval, Band, Previous, Gate string
	Verdict                                                  pipeline.Verdict
}

func rowOf(f pipeline.Finding) row {
	cells := bot.Rows(pipeline.Outcome{Scenario: f.Group, Findings: []pipeline.Finding{f}})[0]
	r := row{
		Metric: cells[0], Now: strings.TrimPrefix(cells[1], "! "), Was: cells[2], Band: cells[3], Previous: cells[4],
		Change: "–", Interval: "–", Verdict: f.Verdict,
	}
	if f.Gate > 0 {
		r.Gate = unbroken.Replace(bot.Amount(f.Metric, f.Gate))
	}
	if bot.Compared(f) {
		r.Change, r.Interval = unbroken.Replace(difference(f)), unbroken.Replace(bot.Interval(f.Metric, f.Low, f.High))
	}
	return r
}

// unbroken keeps values and their units on one line.
var unbroken = strings.NewReplacer(" %", "\u00a0%", " ms", "\u00a0ms", " percentage points", "\u00a0pp")

// difference is how far a metric moved: latencies by a ratio, errors by percentage points.
func difference(f pipeline.Finding) string {
	if f.Metric == pipeline.Errors {
		return bot.Points(f.Now-f.Was) + " percentage points"
	}
	return bot.Percent(f.Ratio - 1)
}

// notes say in plain words what lies behind a verdict, as the thread does.
func notes(run pipeline.Run, o pipeline.Outcome) []string {
	said := bot.Explain(run, o)
	for i := range said {
		said[i] = unbroken.Replace(said[i])
	}
	return said
}

// sensitivity is what the run could have seen, by its p95.
func sensitivity(o pipeline.Outcome) string {
	for _, f := range o.Findings {
		if f.Group == o.Scenario && f.Metric == pipeline.P95 && f.MDE > 0 {
			return fmt.Sprintf("This run could see a p95 rise of about %.0f\u00a0%% or more; a smaller one may go unnoticed.", math.Ceil(f.MDE*100))
		}
	}
	return ""
}

// measured is how much of a scenario was judged.
func measured(run pipeline.Run, o pipeline.Outcome) string {
	for _, r := range run.Results {
		if n := r.Groups[""].Requests; r.ID == o.Result && n > 0 {
			return fmt.Sprintf("%d requests over %d s", n, r.Seconds)
		}
	}
	return ""
}

// size of a change, as far as its sender knows it.
func size(c pipeline.Change) string {
	var parts []string
	if c.Files != nil {
		parts = append(parts, plural(*c.Files, "file"))
	}
	if c.Lines != nil {
		parts = append(parts, plural(*c.Lines, "line"))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// after is how long something took, once it took long enough to be worth a word.
func after(from, to time.Time, what string) string {
	if to.Sub(from) < time.Second {
		return ""
	}
	return "after " + bot.Roughly(to.Sub(from)) + " " + what
}

func marked(m pipeline.Mark) string {
	said := "by " + m.Name
	if m.Scope != "" {
		said += " for " + m.Scope
	}
	if !m.Until.IsZero() {
		said += " until " + m.Until.UTC().Format("2 Jan 15:04 UTC")
	}
	if m.Because != "" {
		said += ": " + m.Because
	}
	return said
}

func ending(s pipeline.State) string {
	if s == pipeline.Done {
		return "Finished"
	}
	return capital(s)
}

// word names a mood or a verdict.
func word(mood any) string {
	s := fmt.Sprint(mood)
	if s == string(pipeline.Pass) {
		return "passed"
	}
	return cmp.Or(s, "not judged")
}

// capital begins with a capital letter.
func capital(text any) string {
	s := fmt.Sprint(text)
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + s[size:]
}
