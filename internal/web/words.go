package web

import (
	"cmp"
	"fmt"
	"math"
	"slices"
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
		r.Gate = figure(f.Metric, f.Gate)
	}
	if compared(f) {
		r.Change, r.Interval = difference(f.Metric, f.Was, f.Now, f.Ratio), interval(f.Metric, f.Low, f.High)
	}
	return r
}

// compared tells whether there was a past to compare a finding with.
func compared(f pipeline.Finding) bool { return f.Ratio != 0 || f.High != 0 }

// figure is a metric's value without its unit, as the bot writes it in its tables.
func figure(m pipeline.Metric, v float64) string {
	return bot.Rows(pipeline.Outcome{Findings: []pipeline.Finding{{Metric: m, Now: v}}})[0][1]
}

// amount is a metric's value with its unit, which stays on its line.
func amount(m pipeline.Metric, v float64) string {
	if m == pipeline.Errors {
		return figure(m, v) + "\u00a0%"
	}
	return figure(m, v) + "\u00a0ms"
}

// difference is how far a metric moved: latencies by a ratio, errors by percentage points.
func difference(m pipeline.Metric, was, now, ratio float64) string {
	if m == pipeline.Errors {
		return points(now-was) + "\u00a0pp"
	}
	return percent(ratio - 1)
}

func interval(m pipeline.Metric, low, high float64) string {
	if m == pipeline.Errors {
		return points(low) + " to " + points(high) + "\u00a0pp"
	}
	return percent(low-1) + " to " + percent(high-1)
}

// percent is a relative change with its sign: "+38 %".
func percent(fraction float64) string { return sign(fraction*100, 0) + "\u00a0%" }

func points(fraction float64) string { return sign(fraction*100, 2) }

// sign writes a number with its sign, a real minus.
func sign(v float64, decimals int) string {
	s := fmt.Sprintf("%+.*f", decimals, v)
	if strings.Trim(s, "+-0.") == "" {
		return "±0"
	}
	return strings.Replace(s, "-", "−", 1)
}

// notes say in plain words what lies behind a verdict.
func notes(o pipeline.Outcome) []string {
	var said []string
	if o.Reason != "" {
		said = append(said, capital(strings.TrimRight(o.Reason, "."))+".")
	}
	for _, f := range o.Findings {
		said = append(said, gateNote(o, f))
	}
	return slices.DeleteFunc(said, func(s string) bool { return s == "" })
}

func gateNote(o pipeline.Outcome, f pipeline.Finding) string {
	switch f.Rule {
	case pipeline.RuleGate:
		return fmt.Sprintf("%s is over its gate of %s.", subject(o, f), amount(f.Metric, f.Gate))
	case pipeline.RuleGateBefore:
		return fmt.Sprintf("%s is over its gate of %s, and was so before this change.", subject(o, f), amount(f.Metric, f.Gate))
	}
	return ""
}

// again is what fresh measurements said of the suspicions; empty where there were none.
func again(run pipeline.Run, o pipeline.Outcome) confirmation {
	var told confirmation
	for _, f := range o.Findings {
		if c := f.Confirmation; c != nil {
			told.Intro = "Measured " + plural(c.Legs, "more time") + alternating(run) + ":"
			told.Found = append(told.Found, subject(o, f)+" "+fresh(f, *c)+conclusion(f))
		}
	}
	return told
}

func fresh(f pipeline.Finding, c pipeline.Confirmation) string {
	now := amount(f.Metric, c.Now)
	if c.Ratio == 0 && c.High == 0 {
		return now
	}
	return fmt.Sprintf("%s against %s, %s (95\u00a0%% interval %s)",
		now, amount(f.Metric, c.Was), difference(f.Metric, c.Was, c.Now, c.Ratio), interval(f.Metric, c.Low, c.High))
}

func conclusion(f pipeline.Finding) string {
	switch {
	case f.Verdict == pipeline.Regressed:
		return ": confirmed."
	case f.Rule == pipeline.RuleUnconfirmed:
		return ": not confirmed."
	}
	return "."
}

func alternating(run pipeline.Run) string {
	if slices.ContainsFunc(run.Legs, func(l pipeline.Leg) bool { return !l.New }) {
		return ", the old and the new version in turn"
	}
	return ""
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

// subject is what a finding is about, at the start of a sentence.
func subject(o pipeline.Outcome, f pipeline.Finding) string {
	name := string(f.Metric)
	if f.Metric == pipeline.Errors {
		name = "Error rate"
	}
	if f.Group == o.Scenario {
		return name
	}
	return name + " of " + strings.TrimPrefix(f.Group, o.Scenario+"/")
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
	if m.Because == "" {
		return "by " + m.Name
	}
	return "by " + m.Name + ": " + m.Because
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
