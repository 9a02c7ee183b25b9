package bot

import (
	"fmt"
	"slices"
	"time"

	"bellwether/pipeline"
)

// said are the kinds of run there are to speak of.
var said = map[string]pipeline.Run{
	"waiting":           waiting(),
	"waiting-behind":    with(waiting(), func(r *pipeline.Run) { r.Position, r.Supersedes = 2, []string{"R41"} }),
	"waiting-for-image": with(waiting(), func(r *pipeline.Run) { r.ImageBy = noon.Add(15 * time.Minute) }),
	"waiting-size":      with(waiting(), func(r *pipeline.Run) { r.Changes[0].Files, r.Changes[0].Lines = nil, nil }),
	"waiting-large": with(waiting(), func(r *pipeline.Run) {
		r.Selection.Full, r.Selection.Reason = true, "full suite: 120 files changed, 100 or more run everything"
	}),
	"waiting-many":    with(waiting(), manyScenarios),
	"waiting-nothing": with(waiting(), func(r *pipeline.Run) { r.Selection.Scenarios, r.Expected = nil, 0 }),
	"deploying":       running(pipeline.StagePrepare),
	"testing":         running(pipeline.StageTest),
	"judging":         running(pipeline.StageJudge),
	"confirming": with(running(pipeline.StageConfirm), func(r *pipeline.Run) {
		r.Verdict, r.Outcomes, r.Legs = pipeline.Suspect, []pipeline.Outcome{slower("checkout-flow", pipeline.Suspect)}, interleaved[:2]
	}),
	"stopping":          with(running(pipeline.StageTest), cancel),
	"cancelled":         with(running(pipeline.StageTest), cancel, func(r *pipeline.Run) { r.State, r.Finished = pipeline.Cancelled, noon.Add(time.Minute) }),
	"cancelled-waiting": with(waiting(), cancel, func(r *pipeline.Run) { r.State, r.Finished = pipeline.Cancelled, noon.Add(time.Minute) }),
	"superseded": with(waiting(), func(r *pipeline.Run) {
		r.State, r.Successor, r.Finished = pipeline.Superseded, "R43", noon.Add(time.Minute)
	}),
	"passed":             done(steady("checkout-flow")),
	"passed-many":        done(steady("checkout-flow"), steady("basket"), steady("refunds")),
	"passed-first":       done(first("checkout-flow")),
	"passed-first-many":  done(first("checkout-flow"), first("refunds")),
	"passed-unconfirmed": with(done(notConfirmed("checkout-flow")), measuredAgain),
	"improved":           done(faster("checkout-flow")),
	"suspect":            with(done(slower("checkout-flow", pipeline.Suspect)), func(r *pipeline.Run) { r.Reason = "could not be confirmed: ./deploy.sh: exit status 1" }),
	"regressed":          with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4)), measuredAgain),
	"regressed-target":   with(done(confirmed(slowerTarget("checkout-flow"), 4), steady("refunds")), measuredAgain),
	"regressed-many":     with(done(sevenOutcomes()...), measuredAgain),
	"acknowledged":       with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4)), measuredAgain, acknowledge),
	"acknowledged-part": with(done(sevenOutcomes()...), measuredAgain, acknowledge, func(r *pipeline.Run) {
		r.Acknowledged[0].Scope, r.Acknowledged[0].Until = "checkout-flow", noon.Add(72*time.Hour)
	}),
	"acknowledged-over":      with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4)), measuredAgain, acknowledge, lapse),
	"acknowledged-part-over": with(done(sevenOutcomes()...), measuredAgain, acknowledge, func(r *pipeline.Run) { r.Acknowledged[0].Scope = "flow-1" }, lapse),
	"acknowledged-again": with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4)), measuredAgain, acknowledge, lapse, func(r *pipeline.Run) {
		r.Acknowledged = []pipeline.Mark{{By: "slack:U0DEVSYD", Name: "dev-syd", At: noon.Add(75 * time.Hour)}}
	}),
	"stack-acknowledged-over": with(stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2)), acknowledge, lapse),
	"mixed":                   with(done(confirmed(slower("refunds", pipeline.Regressed), 4), confirmed(gated("checkout-flow", pipeline.RuleGate, pipeline.Regressed), 4)), measuredAgain),
	"failed-all":              done(pipeline.Outcome{Scenario: "checkout-flow", Verdict: pipeline.Failed, Reason: "set-up: ./seed.sh: exit status 2", Result: "R42/checkout-flow"}),
	"full-starting":           with(full(), func(r *pipeline.Run) { r.State, r.Stage, r.Outcomes = pipeline.Running, pipeline.StagePrepare, nil }),
	"errors":                  with(done(confirmed(failing("checkout-flow"), 4)), measuredAgain),
	"gate":                    with(done(confirmed(gated("checkout-flow", pipeline.RuleGate, pipeline.Regressed), 4)), measuredAgain),
	"gate-first":              with(done(confirmed(gatedFirst("checkout-flow"), 4)), measuredAgain),
	"gate-before":             with(done(gated("checkout-flow", pipeline.RuleGateBefore, pipeline.Suspect)), measuredAgain),
	"inconclusive":            done(pipeline.Outcome{Scenario: "checkout-flow", Verdict: pipeline.Inconclusive, Reason: "too few answers to judge any latency", Result: "R42/checkout-flow", Findings: []pipeline.Finding{failures("checkout-flow", 0, 0, pipeline.Pass)}, Baseline: earlier[:3]}),
	"invalid":                 done(pipeline.Outcome{Scenario: "checkout-flow", Verdict: pipeline.Invalid, Reason: "the load generator sent only 4321 of 6000 requests", Result: "R42/checkout-flow"}),
	"failed-script":           done(steady("checkout-flow"), pipeline.Outcome{Scenario: "refunds", Verdict: pipeline.Failed, Reason: "set-up: ./seed.sh: exit status 2", Result: "R42/refunds"}),
	"failed-deploy":           failedDeploy(),
	"nothing":                 with(done(), func(r *pipeline.Run) { r.Selection.Scenarios, r.Verdict = nil, pipeline.Pass }),
	"rerun":                   with(waiting(), func(r *pipeline.Run) { r.ID, r.Cause, r.Parent, r.By = "R44", pipeline.CauseRerun, "R42", "dev-syd" }),
	"rerun-some": with(waiting(), manyScenarios, func(r *pipeline.Run) {
		r.ID, r.Cause, r.Parent, r.By = "R44", pipeline.CauseRerun, "R42", "dev-syd"
		r.Selection.Scenarios, r.Selection.Only, r.Selection.Of = r.Selection.Scenarios[:2], []string{"checkout-flow", "refunds-0"}, 8
	}),
	"rerun-of":           with(done(steady("checkout-flow")), func(r *pipeline.Run) { r.Reruns = []string{"R44", "R45"} }),
	"full":               full(steady("checkout-flow"), steady("search-page")),
	"full-regressed":     full(steady("checkout-flow"), confirmed(slower("search-page", pipeline.Regressed), 2)),
	"stack":              stack(steady("checkout-flow")),
	"stack-regressed":    stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2)),
	"stack-acknowledged": with(stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2)), acknowledge),
	"stack-ambiguous":    stack(ambiguous(slower("checkout-flow", pipeline.Suspect))),
	"passed-uncounted":   with(done(uncounted("checkout-flow")), measuredAgain),
	"gate-unchecked":     done(unchecked("checkout-flow")),
	"unowned":            with(waiting(), func(r *pipeline.Run) { r.Team = "" }),

	"waiting-held":       with(waiting(), func(r *pipeline.Run) { r.Hold = &held }),
	"waiting-overdue":    with(waiting(), func(r *pipeline.Run) { r.Overdue = true }),
	"together-waiting":   with(waiting(), func(r *pipeline.Run) { r.Leader = "R41" }),
	"together":           with(running(pipeline.StageTest), func(r *pipeline.Run) { r.Batch = []string{"R43", "R44"} }),
	"together-passed":    with(done(steady("checkout-flow")), func(r *pipeline.Run) { r.Leader = "R41" }),
	"apart":              with(waiting(), func(r *pipeline.Run) { r.Round, r.Position = 1, 2 }),
	"apart-together":     with(waiting(), func(r *pipeline.Run) { r.Round, r.Leader = 1, "R41" }),
	"regressed-restored": with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4)), measuredAgain, func(r *pipeline.Run) { r.Restored = "restored 1.4.0" }),
	"stopped": with(done(pipeline.Outcome{Scenario: "checkout-flow", Verdict: pipeline.Failed, Reason: tooManyErrors, Result: "R42/checkout-flow"}),
		func(r *pipeline.Run) { r.Stopped = "more than 50 % of the requests failed for 10s" }),
	"budget": with(done(), func(r *pipeline.Run) {
		r.Verdict, r.Reason = pipeline.Invalid, "it held load for its budget of 1h with 1 of 2 scenarios tested"
	}),
	"untouched":         with(failedDeploy(), func(r *pipeline.Run) { r.Restored = "nothing was changed" }),
	"unowned-not-ready": with(notReady(), func(r *pipeline.Run) { r.Team = "" }),
	"not-ready":         notReady(),
	"failed-restore": with(failedDeploy(), func(r *pipeline.Run) {
		r.Restored = "restoring 1.4.0 failed too: checkout-6d4f9 crashes: exit code 1"
		r.Unwell = "checkout could not be set back to 1.4.0: checkout-6d4f9 crashes: exit code 1"
	}),
	"plan-unknown":  with(stack(), unplanned),
	"plan-running":  with(stack(), unplanned, func(r *pipeline.Run) { r.State, r.Stage = pipeline.Running, pipeline.StagePrepare }),
	"plan-approval": with(stack(), planOf(database...), asking),
	"plan-approved": with(stack(), planOf(database...), asking, func(r *pipeline.Run) { r.Approved = &ana }),
	"plan-applying": with(stack(), planOf(database...), asking, func(r *pipeline.Run) {
		r.State, r.Stage, r.Approved, r.Applying = pipeline.Running, pipeline.StagePrepare, &ana, true
	}),
	"plan-rejecting": with(stack(), planOf(database...), asking, func(r *pipeline.Run) { r.Rejected = &ana }),
	"plan-rejected": with(stack(), planOf(database...), asking, func(r *pipeline.Run) {
		r.State, r.Rejected, r.Reason = pipeline.Cancelled, &ana, "the plan was rejected by ops-ldn"
	}),
	"plan-passed": with(stack(steady("checkout-flow")), planOf(database...)),
	"plan-empty": with(stack(), planOf(), func(r *pipeline.Run) {
		r.Verdict, r.Selection, r.Applying = pipeline.Pass, pipeline.Selection{Touched: []string{}}, false
	}),
	"plan-refused": with(stack(), planOf(database...), func(r *pipeline.Run) {
		r.Verdict, r.Restored, r.Applying = pipeline.Failed, "nothing was changed", false
		r.Reason = "the plan was refused: aws_db_instance.orders is protected and would be replaced"
	}),
	"plan-failed": with(stack(), planOf(database...), func(r *pipeline.Run) {
		r.Verdict, r.Restored = pipeline.Failed, "a failed apply is not rolled back: the environment may be half changed"
		r.Reason, r.Unwell = "the apply failed: aws_db_instance.orders: timeout", "the apply of orders-db 2.4.0 broke half-way"
	}),
}

const tooManyErrors = "the load was stopped: more than 50 % of the requests failed for 10s"

var (
	ana      = pipeline.Mark{By: "slack:U0OPSLDN", Name: "ops-ldn", At: noon, Because: "the database is being upgraded"}
	held     = pipeline.Hold{ID: "H3", Environment: "load", By: ana, Until: noon.Add(2 * time.Hour), Channels: []pipeline.Channel{london}}
	database = []pipeline.Resource{
		{Address: "aws_db_instance.orders", Action: "update", Tags: []string{"db:orders"}},
		{Address: "aws_db_parameter_group.orders", Action: "create", Tags: []string{"db:orders"}},
		{Address: "aws_sns_topic.alarms", Action: "delete"},
	}
)

func unplanned(r *pipeline.Run) {
	r.State, r.Stage, r.Changes[0].Name, r.Applying = pipeline.Waiting, "", "network", false
	r.Selection = pipeline.Selection{Touched: []string{"stack:network"}, Scenarios: []pipeline.Selected{}}
}

func planOf(resources ...pipeline.Resource) func(*pipeline.Run) {
	return func(r *pipeline.Run) {
		r.Plan = &pipeline.Plan{Resources: resources}
		r.Selection.Touched = []string{"db:orders"}
	}
}

func asking(r *pipeline.Run) {
	r.State, r.Stage, r.Applying = pipeline.Waiting, "", false
	r.Approval = &pipeline.Approval{Asked: noon, Expires: noon.Add(2 * time.Hour)}
}

func with(r pipeline.Run, changes ...func(*pipeline.Run)) pipeline.Run {
	r.Regressions = slices.Clone(r.Regressions)
	for _, change := range changes {
		change(&r)
	}
	return r
}

func measuredAgain(r *pipeline.Run) { r.Legs = interleaved }

func cancel(r *pipeline.Run) {
	r.Cancel = &pipeline.Mark{By: "slack:U0DEVSG", Name: "dev-sg", At: noon.Add(time.Minute)}
}

func acknowledge(r *pipeline.Run) {
	r.Rev, r.Acknowledged = r.Rev+1, []pipeline.Mark{{By: "slack:U0DEVSG", Name: "dev-sg", At: noon.Add(time.Hour), Because: "the cache was cold"}}
}

func lapse(r *pipeline.Run) {
	r.Acknowledged[0].Until = noon.Add(72 * time.Hour)
	r.Acknowledged, r.Lapsed = nil, r.Acknowledged
}

func manyScenarios(r *pipeline.Run) {
	for i := range 7 {
		r.Selection.Scenarios = append(r.Selection.Scenarios, pipeline.Selected{Scenario: fmt.Sprint("refunds-", i), Path: []string{"service:checkout", fmt.Sprint("refunds-", i)}})
	}
}

func notReady() pipeline.Run {
	return with(done(), func(r *pipeline.Run) {
		r.Verdict, r.Fault, r.Applying = pipeline.Invalid, pipeline.FaultEnvironment, false
		r.Reason, r.Next = "load was not ready before anything was changed: the cluster cannot be reached: dial tcp 10.0.0.1:443: i/o timeout", "kubectl --context load get nodes"
	})
}

func failedDeploy() pipeline.Run {
	return with(done(), func(r *pipeline.Run) {
		r.Verdict, r.Reason, r.Restored = pipeline.Failed, "./deploy.sh ended with exit status 1", "restored 1.4.0"
		r.Output = "pulling checkout:1.6.0\n\n  panic: missing ORDERS_DB_URL\nnot ready after 30 s\n"
	})
}

// first is an outcome without a baseline.
func first(scenario string) pipeline.Outcome {
	o := steady(scenario)
	o.Baseline, o.Reason = earlier[:1], "no baseline yet: 1 of 3 comparable runs"
	for i := range o.Findings {
		f := &o.Findings[i]
		*f = pipeline.Finding{Group: f.Group, Metric: f.Metric, Now: f.Now, Previous: f.Previous, P: 1, Verdict: pipeline.Pass, Rule: pipeline.RuleNoBaseline}
	}
	return o
}

func faster(scenario string) pipeline.Outcome {
	o := steady(scenario)
	o.Verdict, o.Findings[1] = pipeline.Improved, latency(scenario, pipeline.P95, 226, 158, pipeline.Improved)
	return o
}

// notConfirmed is an outcome whose p99 was suspected, and cleared.
func notConfirmed(scenario string) pipeline.Outcome {
	o := steady(scenario)
	o.Findings[2] = latency(scenario, pipeline.P99, 301, 402, pipeline.Pass)
	o.Findings[2].Rule = pipeline.RuleUnconfirmed
	o.Findings[2].Confirmation = &pipeline.Confirmation{Legs: 4, Was: 300, Now: 306, Ratio: 1.02, Low: 0.95, High: 1.09, P: 0.3}
	return o
}

// slowerTarget is an outcome of which one target got slower, and the whole did not.
func slowerTarget(scenario string) pipeline.Outcome {
	o := steady(scenario)
	o.Verdict = pipeline.Regressed
	o.Findings = append(o.Findings, latency(scenario+"/cart", pipeline.P95, 120, 118, pipeline.Pass), latency(scenario+"/order", pipeline.P95, 301, 402, pipeline.Regressed))
	return o
}

func failing(scenario string) pipeline.Outcome {
	o := steady(scenario)
	o.Verdict, o.Findings[3] = pipeline.Regressed, failures(scenario, 0.0004, 0.0493, pipeline.Regressed)
	return o
}

func gated(scenario, rule string, verdict pipeline.Verdict) pipeline.Outcome {
	o := steady(scenario)
	o.Verdict = verdict
	o.Findings[1].Now, o.Findings[1].Gate, o.Findings[1].Rule, o.Findings[1].Verdict = 412, 400, rule, verdict
	o.Findings[1].Was, o.Findings[1].Ratio = 396, 412.0/396
	o.Findings[1].BandLow, o.Findings[1].BandHigh, o.Findings[1].Previous = 381, 411, 399
	return o
}

func gatedFirst(scenario string) pipeline.Outcome {
	o := first(scenario)
	o.Verdict = pipeline.Regressed
	o.Findings[1].Now, o.Findings[1].Gate, o.Findings[1].Rule, o.Findings[1].Verdict = 412, 400, pipeline.RuleGate, pipeline.Regressed
	return o
}

func sevenOutcomes() []pipeline.Outcome {
	all := []pipeline.Outcome{steady("refunds"), confirmed(slower("checkout-flow", pipeline.Regressed), 4), faster("invoices"), steady("basket")}
	all[1].Baseline = earlier[:3]
	for i := range 3 {
		o := confirmed(slower(fmt.Sprint("flow-", i), pipeline.Regressed), 4)
		o.Findings[1].Ratio, o.Findings[1].Now = 1.5+float64(i)/10, 226*(1.5+float64(i)/10)
		all = append(all, o)
	}
	return all
}
