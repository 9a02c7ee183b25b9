package app

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"bellwether/internal/record"
	"bellwether/pipeline"
)

// Help is what --help says besides the flags.
func (c *compareCommand) Help() string {
	return "Judges results by the rules that runs are judged by, before a run confirms its suspicions with fresh measurements: at worst " +
		"a result is suspect here. With three baselines or more it is held against how much they differ; with one or two only against how " +
		"much each differs within itself.\n\n" +
		"It reads what the page of a run offers, k6's CSV and JSON lines (k6 run --out csv=FILE, --out json=FILE), Vegeta's results as gob, " +
		"JSON and CSV (vegeta attack, vegeta encode) and JMeter's CSV (JTL), gzipped or not, of any size; - is the standard input. " +
		"What a file is, is seen from its content. Only files of one tool are compared.\n\n" +
		"It ends with 0 (pass, improved or inconclusive), 1 (suspect or regressed) or 2 (invalid, or unreadable)."
}

type compareCommand struct {
	Baseline  []string `required:"" sep:"none" placeholder:"FILE" help:"An earlier result; repeats."`
	Candidate []string `sep:"none" placeholder:"FILE" help:"The result to judge; repeats, or is named last."`
	Files     []string `arg:"" optional:"" name:"candidate-file" help:"The results to judge."`
	Gate      []gate   `placeholder:"METRIC=LIMIT" help:"An absolute limit, such as p95=250ms or errors=1%; repeats."`
	FailOn    string   `enum:"suspect,regressed" default:"suspect" help:"The least verdict that ends with 1: suspect or regressed."`
	Chart     string   `placeholder:"OUT.png" help:"Draw the gravest result, second by second."`
	JSON      bool     `help:"Print JSON."`
}

// Validate refuses a comparison of nothing.
func (c *compareCommand) Validate() error {
	paths := slices.Concat(c.Baseline, c.Candidate, c.Files)
	switch {
	case len(paths) == len(c.Baseline):
		return errors.New("what is to be judged? name a result file after the baselines")
	case len(paths)-len(slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == "-" })) > 1:
		return errors.New("the standard input (-) can be read once")
	}
	return nil
}

// memory is what the heap may take (bytes), however large the files are: the readers need less.
const memory = 48 << 20

func (c *compareCommand) Run(p Process) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memory)) // rather collect more often than grow
	compared, err := c.compare(p)
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
	for _, remark := range compared.remarks() {
		fmt.Fprintln(p.Err, "bellwether: "+remark)
	}
	return printJSON(p.Out, compared.report())
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
