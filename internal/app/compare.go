package app

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/internal/record"
	"bellwether/pipeline"
)

// Help is what --help says besides the flags.
func (c *compareCommand) Help() string {
	return "Judges results by the rules that runs are judged by, before a run confirms its suspicions with fresh measurements: at worst " +
		"a result is suspect here. The files are those that the page of a run offers. It ends with 0 (pass, improved or " +
		"inconclusive), 1 (suspect or regressed) or 2 (invalid, or unreadable)."
}

type compareCommand struct {
	Baseline  []string `required:"" sep:"none" placeholder:"FILE" help:"An earlier result; repeats."`
	Candidate []string `sep:"none" placeholder:"FILE" help:"The result to judge; repeats, or is named last."`
	Files     []string `arg:"" optional:"" name:"candidate-file" help:"The results to judge."`
	FailOn    string   `enum:"suspect,regressed" default:"suspect" help:"The least verdict that ends with 1: suspect or regressed."`
	Chart     string   `placeholder:"OUT.png" help:"Draw the gravest result, second by second."`
	JSON      bool     `help:"Print JSON."`
}

// Validate refuses a comparison of nothing.
func (c *compareCommand) Validate() error {
	if len(c.Candidate)+len(c.Files) == 0 {
		return errors.New("what is to be judged? name a result file after the baselines")
	}
	return nil
}

func (c *compareCommand) Run(p Process) error {
	compared, err := c.compare()
	if err != nil {
		return unanswered{err} // exit code 1 says that something got worse
	}
	if c.Chart != "" {
		if err := compared.draw(c.Chart); err != nil {
			return unanswered{err}
		}
	}
	if err := c.show(p, compared); err != nil {
		return err
	}
	if code := c.exit(compared.verdict()); code != exitOK {
		return exit(code)
	}
	return nil
}

func (c *compareCommand) show(p Process, compared comparison) error {
	if !c.JSON {
		compared.print(p.Out)
		return nil
	}
	for i, o := range compared.outcomes {
		if o.Verdict == pipeline.Invalid { // the JSON has no room for reasons
			fmt.Fprintf(p.Err, "bellwether: %s of %s is invalid: %s\n", o.Scenario, compared.candidates[i].Run, o.Reason)
		}
	}
	return printJSON(p.Out, compared.report())
}

func (c *compareCommand) compare() (comparison, error) {
	baselines, err := openAll(c.Baseline)
	if err != nil {
		return comparison{}, err
	}
	candidates, err := openAll(slices.Concat(c.Candidate, c.Files))
	if err != nil {
		return comparison{}, err
	}
	outcomes, err := record.Judge(baselines, candidates)
	return comparison{baselines, candidates, outcomes}, err
}

func openAll(paths []string) ([]record.File, error) {
	var files []record.File
	for _, path := range paths {
		file, err := record.Open(path)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// exit is the exit code that stands for a verdict.
func (c *compareCommand) exit(v pipeline.Verdict) int {
	switch {
	case v == pipeline.Invalid, v == pipeline.Failed:
		return exitUnknown
	case v == pipeline.Regressed, v == pipeline.Suspect && c.FailOn == "suspect":
		return exitFailed
	}
	return exitOK
}

// comparison is candidates, each with its outcome, and what they were compared with.
type comparison struct {
	baselines, candidates []record.File
	outcomes              []pipeline.Outcome
}

func (c comparison) verdict() pipeline.Verdict {
	var verdicts []pipeline.Verdict
	for _, o := range c.outcomes {
		verdicts = append(verdicts, o.Verdict)
	}
	return pipeline.Worst(verdicts...)
}

// compareReport is what scripts read: latencies in milliseconds, errors as a fraction.
type compareReport struct {
	Verdict  pipeline.Verdict `json:"verdict"`
	Findings []compareFinding `json:"findings"`
}

type compareFinding struct {
	Group    string           `json:"group"`
	Metric   pipeline.Metric  `json:"metric"`
	Was      float64          `json:"was"`
	Now      float64          `json:"now"`
	Ratio    float64          `json:"ratio"`
	Low      float64          `json:"low"`
	High     float64          `json:"high"`
	Previous float64          `json:"previous"`
	P        float64          `json:"p"`
	MDE      float64          `json:"mde"`
	Verdict  pipeline.Verdict `json:"verdict"`
	Rule     string           `json:"rule"`
}

func (c comparison) report() compareReport {
	r := compareReport{c.verdict(), []compareFinding{}}
	for _, o := range c.outcomes {
		for _, f := range o.Findings {
			r.Findings = append(r.Findings, compareFinding{
				f.Group, f.Metric, f.Was, f.Now, f.Ratio, f.Low, f.High, f.Previous, f.P, f.MDE, f.Verdict, f.Rule,
			})
		}
	}
	return r
}

// print is the report in words, as a thread has it.
func (c comparison) print(w io.Writer) {
	for i, o := range c.outcomes {
		file := c.candidates[i]
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
			fmt.Fprintf(w, "\n%s\n\n", bot.Table{Head: []string{o.Scenario, "now", "was", "band", "prev"}, Rows: bot.Rows(o)})
		}
		fmt.Fprintln(w, cmp.Or(record.Caveat(file, c.baselines, c.candidates), repeated(file, o)))
		if i < len(c.outcomes)-1 {
			fmt.Fprintln(w)
		}
	}
}

// repeated says what a candidate's run made of the same files.
func repeated(f record.File, o pipeline.Outcome) string {
	if o.Verdict == pipeline.Suspect {
		return "The report of " + f.Run + " began with these files; what was suspect, the run then measured again."
	}
	return "The report of " + f.Run + " was made from these files."
}

// subject names what a file measured: "checkout 1.5.0 in load, R42".
func subject(f record.File) string {
	if f.Thing == "" {
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

// draw draws the gravest outcome.
func (c comparison) draw(path string) error {
	i := slices.IndexFunc(c.outcomes, func(o pipeline.Outcome) bool { return o.Verdict == c.verdict() })
	file := c.candidates[i]
	var gates []pipeline.Gate
	for _, g := range file.Gates {
		gates = append(gates, pipeline.Gate(g))
	}
	png, err := bot.Chart(runOf(file), c.outcomes[i], file.Record, gates).PNG()
	if err != nil {
		return fmt.Errorf("draw %s of %s: %w", file.Scenario, file.Run, err)
	}
	return os.WriteFile(path, png, 0o644)
}
