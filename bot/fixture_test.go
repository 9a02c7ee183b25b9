package bot

import (
	"time"

	"bellwether/pipeline"
)

var (
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	checkout = pipeline.Channel{Platform: "slack", ID: "C0CHECKOUT"}
	search   = pipeline.Channel{Platform: "slack", ID: "C0SEARCH"}
	london   = pipeline.Channel{Platform: "slack", ID: "C0INFRA"}
	lost     = pipeline.Channel{Platform: "slack", ID: "C0PLATFORM"}
)

func catalog() *pipeline.Catalog {
	return &pipeline.Catalog{
		People: map[string]pipeline.Person{
			"dev-sg": {Name: "dev-sg", Slack: "T0TEAM/U0DEVSG", Web: "dev-sg"}, "dev-syd": {Name: "dev-syd", Slack: "T0TEAM/U0DEVSYD"},
			"ops-ldn": {Name: "ops-ldn", Slack: "T0TEAM/U0OPSLDN"},
		},
		Teams: map[string]pipeline.Team{
			"checkout":       {Name: "checkout", Channels: []pipeline.Channel{checkout}, OnCall: []string{"dev-sg"}},
			"search":         {Name: "search", Channels: []pipeline.Channel{search}},
			"infrastructure": {Name: "infrastructure", Channels: []pipeline.Channel{london}, OnCall: []string{"ops-ldn"}},
		},
		Services: map[string]pipeline.Service{
			"checkout": {Name: "checkout", Team: "checkout", Tags: []string{"service:checkout"}, Uses: []string{"db:orders"}},
			"search":   {Name: "search", Team: "search", Tags: []string{"service:search"}},
		},
		Stacks: map[string]pipeline.Stack{
			"orders-db": {Name: "orders-db", Team: "infrastructure", Tags: []string{"db:orders"}},
			"network":   {Name: "network", Team: "infrastructure", Tags: []string{"stack:network"}, Apply: &pipeline.Apply{Terraform: &pipeline.Terraform{}}},
		},
		Environments: map[string]pipeline.Environment{"load": {Name: "load", Team: "infrastructure"}},
		Scenarios: map[string]pipeline.Scenario{
			"checkout-flow": {Name: "checkout-flow", Tags: []string{"service:checkout"}, Gates: []pipeline.Gate{{Metric: pipeline.P95, Limit: 400}, {Metric: pipeline.Errors, Limit: 0.01}}},
			"search-page":   {Name: "search-page", Tags: []string{"service:search"}},
		},
		Unowned: []pipeline.Channel{lost},
	}
}

func newBot(m *memory) *Bot {
	return &Bot{
		Catalog: catalog, Outbox: m, Pictures: m, Records: m, Debounce: time.Second, Now: func() time.Time { return noon },
		RunURL: func(run string) string { return "https://bellwether.example.com/runs/" + run },
	}
}

func few(n int) *int { return &n }

// waiting is a change of checkout at intake.
func waiting() pipeline.Run {
	return pipeline.Run{
		Rev: 1, ID: "R42", Environment: "load", Cause: pipeline.CauseChange, Team: "checkout", State: pipeline.Waiting, Submitted: noon,
		Expected: 70 * time.Second,
		Changes: []pipeline.Change{{
			Kind: pipeline.KindService, Name: "checkout", Version: "1.5.0", Revision: "6f1d2c3", Author: "dev-sg", Files: few(3), Lines: few(48),
			Title: "Look the stock up for each order", URL: "https://github.com/innerscale/checkout/pull/431",
		}},
		Selection: pipeline.Selection{
			Touched: []string{"service:checkout"}, Reason: "touches service:checkout",
			Scenarios: []pipeline.Selected{{Scenario: "checkout-flow", Path: []string{"service:checkout", "checkout-flow"}}},
		},
	}
}

// running is the same run in a stage.
func running(stage pipeline.Stage) pipeline.Run {
	r := waiting()
	r.Rev, r.State, r.Stage, r.Started, r.Applying = 3, pipeline.Running, stage, noon.Add(5*time.Second), true
	r.Before = &pipeline.Artefact{Revision: "a1b2c3d", Version: "1.4.0"}
	return r
}

// done is the same run at its end.
func done(outcomes ...pipeline.Outcome) pipeline.Run {
	r := running(pipeline.StageReport)
	r.Rev, r.State, r.Finished, r.Outcomes = 9, pipeline.Done, noon.Add(4*time.Minute), outcomes
	var verdicts []pipeline.Verdict
	for _, o := range outcomes {
		verdicts = append(verdicts, o.Verdict)
		if len(outcomes) > 1 && o.Scenario != "checkout-flow" {
			r.Selection.Scenarios = append(r.Selection.Scenarios, pipeline.Selected{Scenario: o.Scenario, Path: []string{"service:checkout", o.Scenario}})
		}
	}
	r.Verdict = pipeline.Worst(verdicts...)
	return followed(r)
}

// followed is the run with the regressions that it found; all that is worse is new, unless it has a course.
func followed(r pipeline.Run) pipeline.Run {
	for _, o := range r.Outcomes {
		for i := range o.Findings {
			if f := &o.Findings[i]; f.Course == "" && alarming(f.Verdict) {
				f.Course = pipeline.CourseNew
			}
		}
	}
	r.Regressions = pipeline.Follow(r, nil)
	return r
}

// full is the whole suite, asked for in London's channel.
func full(outcomes ...pipeline.Outcome) pipeline.Run {
	r := done(outcomes...)
	r.Cause, r.By, r.Team, r.Channels, r.Changes, r.Before = pipeline.CauseFull, "ops-ldn", "infrastructure", []pipeline.Channel{london}, nil, nil
	r.Selection = pipeline.Selection{Full: true, Reason: "full suite, asked for by ops-ldn", Scenarios: []pipeline.Selected{{Scenario: "checkout-flow"}, {Scenario: "search-page"}}}
	return r
}

// stack is a change of the orders database.
func stack(outcomes ...pipeline.Outcome) pipeline.Run {
	r := done(outcomes...)
	r.Team = "infrastructure"
	r.Before.Version = "2.3.0"
	r.Changes = []pipeline.Change{{Kind: pipeline.KindStack, Name: "orders-db", Version: "2.4.0", Revision: "9e8d7c6", Author: "ops-ldn", Title: "Save connections of the orders database"}}
	r.Selection.Scenarios = []pipeline.Selected{{Scenario: "checkout-flow", Path: []string{"db:orders", "checkout", "checkout-flow"}}}
	r.Legs = []pipeline.Leg{{New: true}, {New: true}}
	return r
}

var earlier = []string{"R40", "R37", "R36", "R31", "R30", "R22"}

// outcome of the given scenario with a plain past; p95 is what it is given.
func outcome(scenario string, verdict pipeline.Verdict, findings ...pipeline.Finding) pipeline.Outcome {
	return pipeline.Outcome{Scenario: scenario, Verdict: verdict, Result: "R42/" + scenario, Baseline: earlier, Findings: findings}
}

// latency is a finding whose baseline's mean is was; all in milliseconds.
func latency(group string, metric pipeline.Metric, was, now float64, verdict pipeline.Verdict) pipeline.Finding {
	ratio := now / was
	return pipeline.Finding{
		Group: group, Metric: metric, Was: was, Now: now, Previous: was * 1.01, Ratio: ratio, Low: ratio * 0.93, High: ratio * 1.08,
		BandLow: was * 0.93, BandHigh: was * 1.08, P: 0.3, MDE: 0.17, Samples: 3000, Verdict: verdict, Rule: pipeline.RuleHistory,
	}
}

func failures(group string, was, now float64, verdict pipeline.Verdict) pipeline.Finding {
	return pipeline.Finding{
		Group: group, Metric: pipeline.Errors, Was: was, Now: now, Previous: was, Low: now - was - 0.002, High: now - was + 0.002,
		BandHigh: was * 1.5, P: 0.4, Samples: 3000, Verdict: verdict, Rule: pipeline.RuleHistory,
	}
}

// steady is an outcome in which nothing moved.
func steady(scenario string) pipeline.Outcome {
	return outcome(scenario, pipeline.Pass,
		latency(scenario, pipeline.P50, 96.2, 97.1, pipeline.Pass), latency(scenario, pipeline.P95, 226, 228, pipeline.Pass),
		latency(scenario, pipeline.P99, 301, 299, pipeline.Pass), failures(scenario, 0.0004, 0.0003, pipeline.Pass))
}

// slower is an outcome whose p95 and p99 rose.
func slower(scenario string, verdict pipeline.Verdict) pipeline.Outcome {
	o := steady(scenario)
	o.Verdict = verdict
	o.Findings[1] = latency(scenario, pipeline.P95, 226, 312, verdict)
	o.Findings[2] = latency(scenario, pipeline.P99, 301, 433, verdict)
	return o
}

// confirmed gives every suspect or regressed finding of an outcome its fresh measurements.
func confirmed(o pipeline.Outcome, legs int) pipeline.Outcome {
	for i := range o.Findings {
		if f := &o.Findings[i]; f.Verdict == pipeline.Regressed {
			f.Confirmation = &pipeline.Confirmation{Legs: legs, Was: f.Was, Now: f.Now, Ratio: f.Ratio * 0.99, Low: f.Ratio * 0.94, High: f.Ratio * 1.05, P: 0.0001}
			if f.Metric == pipeline.Errors {
				f.Confirmation.Ratio, f.Confirmation.Low, f.Confirmation.High = 0, f.Low, f.High
			}
		}
	}
	return o
}

// ambiguous is an outcome that was worse every time, after more than one thing changed.
func ambiguous(o pipeline.Outcome) pipeline.Outcome {
	f := &o.Findings[1]
	f.Confirmation = &pipeline.Confirmation{Legs: 2, Was: f.Was, Now: f.Now, Ratio: f.Ratio, Low: f.Low, High: f.High, P: 0.0001}
	o.AlsoChanged = []string{"checkout 1.4.0 → 1.5.0"}
	o.Reason = "worse when measured again, too, but other things changed since the baseline as well: the cause cannot be told"
	return o
}

// uncounted is an outcome in which the version before turned out to be as bad.
func uncounted(scenario string) pipeline.Outcome {
	o := notConfirmed(scenario)
	o.Uncounted, o.AlsoChanged = true, []string{"search 2.0.0 → 2.1.0", "orders-db 7 → 8"}
	o.Findings[2].Confirmation.Was, o.Findings[2].Confirmation.Now = 398, 402
	o.Reason = "the version before is as bad: something else changed since the baseline, and this run does not become part of it"
	return o
}

func unchecked(scenario string) pipeline.Outcome {
	o := steady(scenario)
	o.Reason = "the p99 gate was not checked: too few requests"
	return o
}

// interleaved are the legs of a service's confirmation.
var interleaved = []pipeline.Leg{{}, {New: true}, {New: true}, {}}

// record is half a minute of a scenario, p95 around 300 ms.
func record() pipeline.Record {
	r := pipeline.Record{Start: noon, Warmup: 2, Generator: make([]pipeline.Tick, 30)}
	fine, broken := pipeline.Series{Target: "cart", Class: "2xx"}, pipeline.Series{Target: "cart", Class: "5xx", Failed: true}
	for s := range 30 {
		cell := pipeline.Cell{Second: s}
		for i := range int64(20) {
			cell.Latency = append(cell.Latency, struct{ Value, Count int64 }{80_000 + 12_000*i + 500*int64(s%7), 5})
		}
		fine.Cells = append(fine.Cells, cell)
	}
	broken.Cells = []pipeline.Cell{{Second: 9}}
	broken.Cells[0].Latency = append(broken.Cells[0].Latency, struct{ Value, Count int64 }{90_000, 3})
	r.Series = []pipeline.Series{fine, broken}
	return r
}
