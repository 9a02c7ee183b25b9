package commands

import (
	"context"
	"slices"

	"bellwether/bot"
	"bellwether/pipeline"
)

// mostOptions are as many as every platform takes.
const mostOptions = 100

// Form is what to ask for before a command can be carried out; nil when the reply says why there is nothing to ask. Whoever may
// not give the command is told so here already, and asked again when it is given.
func (d *Desk) Form(ctx context.Context, who Caller, line string) (form *bot.Form, reply Reply) {
	apology := d.take(ctx, who, line, ResultAsked, func(t *turn) (err error) {
		form, err = t.form(ctx)
		return err
	})
	if apology != nil {
		return nil, *apology
	}
	return form, Reply{}
}

func (t *turn) form(ctx context.Context) (*bot.Form, error) {
	asks := map[string]func(context.Context) (*bot.Form, error){
		"ack": t.ackForm, "rerun": t.rerunForm, "compare": t.compareForm, "reject": t.rejectForm,
		"accept": t.acceptForm, "triage": t.triageForm,
	}[t.Verb]
	if asks == nil {
		return nil, mistake("There is nothing to ask about %q. Say it as a command: %s", t.Verb, usage(t.Verb))
	}
	return asks(ctx)
}

func (t *turn) ackForm(ctx context.Context) (*bot.Form, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.permitted(ctx, "ack", t.aboutRegression(run))
	}
	if err == nil {
		_, err = t.answering(ctx, run)
	}
	if err != nil {
		return nil, err
	}
	form := &bot.Form{
		Title: "Acknowledge " + run.ID, Command: "ack " + run.ID, Send: "Acknowledge",
		Body: []bot.Text{bot.Plain("You look after " + run.Subject() + ", and the team knows.")},
		Fields: []bot.Field{
			{Word: "until", Label: "Until", Hint: "The morning of that day; left empty, for as long as it takes", Date: true, Optional: true},
			{Word: "because", Label: "Why", Hint: "What you know already", Optional: true},
		},
	}
	form.Fields = slices.Concat(scopeField(worse(run, "")), form.Fields)
	return form, nil
}

// scopeField is one to choose from several scenarios; none when there is nothing to choose.
func scopeField(scenarios []string) []bot.Field {
	if len(scenarios) < 2 {
		return nil
	}
	return []bot.Field{{Word: "scope", Label: "Scenario", Hint: "Left empty, all of them", Options: options(scenarios), Optional: true}}
}

// rerunForm has those chosen that did not pass.
func (t *turn) rerunForm(ctx context.Context) (*bot.Form, error) {
	run, err := t.meant(ctx)
	if err == nil {
		err = t.permitted(ctx, "rerun", aboutRun(run))
	}
	if err != nil {
		return nil, err
	}
	all := options(run.Selection.Names())
	if len(all) == 0 {
		return nil, mistake("%s has no scenarios to choose from.", title(run))
	}
	var preset []string
	for _, o := range all {
		if !passed(run, o.Value) {
			preset = append(preset, o.Value)
		}
	}
	if preset == nil {
		preset = run.Selection.Names()[:len(all)]
	}
	return &bot.Form{
		Title: "Rerun " + run.ID, Command: "rerun " + run.ID, Send: "Rerun",
		Body:   []bot.Text{bot.Plain(run.Subject() + " on " + run.Environment + ", as it was then.")},
		Fields: []bot.Field{{Word: "only", Label: "Scenarios", Options: all, Several: true, Preset: preset}},
	}, nil
}

func passed(run pipeline.Run, scenario string) bool {
	return slices.ContainsFunc(run.Outcomes, func(o pipeline.Outcome) bool {
		return o.Scenario == scenario && (o.Verdict == pipeline.Pass || o.Verdict == pipeline.Improved)
	})
}

// mostOthers are the runs to choose from.
const mostOthers = 25

func (t *turn) compareForm(ctx context.Context) (*bot.Form, error) {
	run, err := t.compared(ctx)
	if err != nil {
		return nil, err
	}
	others, err := t.others(ctx, run)
	if err != nil {
		return nil, err
	}
	with := bot.Field{Word: "with", Label: "With", Hint: "A run, such as R40"}
	for _, other := range others[:min(len(others), mostOthers)] {
		with.Options = append(with.Options, bot.Option{Label: inShort(other), Value: other.ID})
		if with.Preset == nil && other.Submitted.Before(run.Submitted) {
			with.Preset = []string{other.ID}
		}
	}
	if len(with.Options) > 0 {
		with.Hint = "Runs of the same on " + run.Environment
	}
	return &bot.Form{Title: "Compare " + run.ID, Command: "compare " + run.ID, Send: "Compare", Fields: []bot.Field{with}}, nil
}

func (t *turn) rejectForm(ctx context.Context) (*bot.Form, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.permitted(ctx, "approve", aboutRun(run))
	}
	if err == nil && (run.State != pipeline.Waiting || run.Approval == nil) {
		err = mistake("%s asks for no approval: it %s.", title(run), ended(run))
	}
	if err != nil {
		return nil, err
	}
	return &bot.Form{
		Title: "Reject the plan", Command: "reject " + run.ID, Send: "Reject",
		Body:   []bot.Text{bot.Plain("The plan of " + run.Subject() + " is not applied, and " + run.ID + " ends.")},
		Fields: []bot.Field{{Word: "because", Label: "Why", Hint: "For whoever made the change", Optional: true}},
	}, nil
}

// options are scenarios to choose from. Those that there is no room for can be typed.
func options(names []string) (all []bot.Option) {
	for _, name := range names[:min(len(names), mostOptions)] {
		all = append(all, bot.Option{Label: name, Value: name})
	}
	return all
}

func (t *turn) acceptForm(ctx context.Context) (*bot.Form, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.permitted(ctx, "baseline", t.aboutRegression(run))
	}
	if err != nil {
		return nil, err
	}
	_, some, err := t.settling(ctx, run, pipeline.Expected)
	if err != nil {
		return nil, err
	}
	because := bot.Field{Word: "because", Label: "Why", Hint: "What it is good for", Optional: true}
	return &bot.Form{
		Title: "Accept " + run.ID, Command: "accept " + run.ID, Send: "Accept",
		Body:   []bot.Text{bot.Plain(run.Subject() + " is meant to be so: it is the baseline from here on. It can be taken back with: reopen " + run.ID)},
		Fields: append(scopeField(some), because),
	}, nil
}

// triageForm offers what can be said of a run: of one that has no regression only that it is no good.
func (t *turn) triageForm(ctx context.Context) (*bot.Form, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.permitted(ctx, "baseline", t.aboutRegression(run))
	}
	if err != nil {
		return nil, err
	}
	_, some, err := t.settling(ctx, run, pipeline.Invalidated)
	if err != nil {
		return nil, err
	}
	form := &bot.Form{
		Title: "What was " + run.ID + "?", Command: "triage " + run.ID, Send: "Say so",
		Body: []bot.Text{bot.Plain("What got worse ends with your word, and the team knows. It can be taken back with: reopen " + run.ID)},
	}
	as := bot.Field{Word: "as", Label: "It was", Options: answers}
	if standing := worse(run, ""); len(standing) > 0 {
		some = standing
	} else {
		as.Options, as.Preset = answers[len(answers)-1:], []string{string(pipeline.Invalidated)}
		form.Body = []bot.Text{bot.Plain("No regression of it stands. It can be taken out of all baselines, and put back with: reopen " + run.ID)}
	}
	because := bot.Field{Word: "because", Label: "Why", Hint: "For whoever looks at it later", Optional: true}
	form.Fields = slices.Concat([]bot.Field{as}, scopeField(some), []bot.Field{because})
	return form, nil
}

// answers to what a run was, as people read them.
var answers = []bot.Option{
	{Label: "The environment, and not the change", Value: string(pipeline.Environmental)},
	{Label: "A fault that is fixed by now", Value: string(pipeline.Fixed)},
	{Label: "Expected: it is the baseline from here on", Value: string(pipeline.Expected)},
	{Label: "Invalid: the run is in no baseline", Value: string(pipeline.Invalidated)},
}
