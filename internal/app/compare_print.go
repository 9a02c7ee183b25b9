package app

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/internal/record"
	"bellwether/pipeline"
)

// print is the report in words, as a thread has it.
func (c comparison) print(w io.Writer) {
	for i, o := range c.outcomes {
		if i > 0 {
			fmt.Fprintln(w)
		}
		c.printOne(w, c.candidates[i], o)
	}
	if remarks := c.remarks(); len(remarks) > 0 {
		fmt.Fprintf(w, "\n%s\n", strings.Join(remarks, "\n"))
	}
}

func (c comparison) printOne(w io.Writer, file record.File, o pipeline.Outcome) {
	fmt.Fprintf(w, "%s of %s: %s\n", o.Scenario, subject(file), o.Verdict)
	if len(o.Baseline) > 0 {
		fmt.Fprintln(w, "Compared with "+strings.Join(o.Baseline, ", ")+".")
	}
	for _, sentence := range bot.Explain(runOf(file), o) {
		fmt.Fprintln(w, sentence)
	}
	if len(o.AlsoChanged) > 0 {
		fmt.Fprintln(w, "Also changed since: "+strings.Join(o.AlsoChanged, ", ")+".")
	}
	if len(o.Findings) > 0 {
		fmt.Fprintf(w, "\n%s\n", bot.Table{Head: []string{o.Scenario, "now", "was", "band", "prev"}, Rows: bot.Rows(o)})
	}
	if last := c.last(file, o); last != "" {
		fmt.Fprintln(w, "\n"+last)
	}
}

// last is what remains to be said of a candidate.
func (c comparison) last(file record.File, o pipeline.Outcome) string {
	if file.Tool != "" {
		return strings.Join(record.Unmatched(file, c.baselines), "\n")
	}
	return cmp.Or(record.Caveat(file, c.baselines, c.candidates), repeated(file, o))
}

// remarks say how the files were read.
func (c comparison) remarks() (remarks []string) {
	for _, f := range slices.Concat(c.baselines, c.candidates) {
		for _, note := range f.Notes {
			remarks = append(remarks, f.Run+": "+note)
		}
	}
	return remarks
}

// repeated says what a candidate's run made of the same files.
func repeated(f record.File, o pipeline.Outcome) string {
	if o.Verdict == pipeline.Suspect {
		return "The report of " + f.Run + " began with these files; what was suspect, the run then measured again."
	}
	return "The report of " + f.Run + " was made from these files."
}

// subject names what a file measured: "checkout 1.5.0 in load, R42", "k6's after.csv".
func subject(f record.File) string {
	switch {
	case f.Tool != "":
		return f.Tool + "'s " + f.Run
	case f.Thing == "":
		return f.Environment + ", " + f.Run
	}
	return runOf(f).Subject() + " in " + f.Environment + ", " + f.Run
}

// runOf is what a file knows of its run.
func runOf(f record.File) pipeline.Run {
	run := pipeline.Run{ID: f.Run, Environment: f.Environment}
	if kind, name, ok := strings.Cut(f.Thing, ":"); ok {
		run.Changes = []pipeline.Change{{Kind: pipeline.Kind(kind), Name: name, Version: f.Versions[f.Thing]}}
	}
	return run
}

// against is the end of a subtitle, which has no room for ten names.
func against(baselines []string) string {
	switch len(baselines) {
	case 0:
		return ""
	case 1:
		return " · against " + baselines[0]
	}
	return fmt.Sprintf(" · against %d earlier runs", len(baselines))
}

// draw draws the gravest outcome.
func (c comparison) draw(path string) error {
	i := slices.IndexFunc(c.outcomes, func(o pipeline.Outcome) bool { return o.Verdict == c.verdict() })
	file := c.candidates[i]
	var gates []pipeline.Gate
	for _, g := range file.Gates {
		gates = append(gates, pipeline.Gate(g))
	}
	picture := bot.Chart(runOf(file), c.outcomes[i], file.Record, gates)
	if file.Tool != "" {
		picture.Subtitle = subject(file) + against(c.outcomes[i].Baseline)
	}
	for s := range picture.Seconds {
		picture.Seconds[s] *= float64(max(1, file.Record.Step))
	}
	png, err := picture.PNG()
	if err != nil {
		return fmt.Errorf("draw %s of %s: %w", file.Scenario, file.Run, err)
	}
	return os.WriteFile(path, png, 0o644)
}
