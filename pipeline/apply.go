package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Postponed is the error of Work for a run that waits for people. Others may go ahead of it until then.
type Postponed struct{ Until time.Time }

func (p *Postponed) Error() string { return "waits for people until " + p.Until.Format(time.RFC3339) }

func (s Stack) planned() bool { return s.Apply != nil && s.Apply.Terraform != nil }

// terraform plans a stack, and applies that plan unless it is empty, refused, or somebody has to approve of it first. What
// a plan touches is noted before it is applied, once: after a crash what is left of it may be less, or nothing.
func (w *work) terraform(ctx context.Context, stack Stack) error {
	planned, err := w.Applier.Plan(ctx, stack, w.catalog.Environments[w.run.Environment], w.run.Change())
	if broken, ok := errors.AsType[StepError](err); ok {
		return w.unapplied(ctx, "the plan failed: ", broken.Explain(), w.run.Applying)
	}
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer func() {
		if err := planned.Close(); err != nil {
			w.Log.Error("plan not deleted", "run", w.run.ID, "error", err)
		}
	}()
	plan := w.catalog.familiar(planned.Plan())
	w.notePlan(plan)
	switch {
	case len(plan.Refused) > 0:
		return w.unapplied(ctx, "the plan was refused: ", Explanation{Reason: strings.Join(plan.Refused, "; "), Untouched: true}, w.run.Applying)
	case w.run.Applying && stack.Apply.Terraform.Approve > 0 && !plan.within(*w.run.Plan):
		return w.unapplied(ctx, "the apply was cut short, and what is left is not what was approved: ", Explanation{Reason: plan.beyond(*w.run.Plan)}, true)
	case plan.Empty():
		return w.applied(ctx)
	case stack.Apply.Terraform.Approve > 0:
		if err := w.approval(ctx, stack.Apply.Terraform.Approve); err != nil {
			return err
		}
	}
	return w.apply(ctx, planned)
}

// notePlan keeps the first plan, and chooses the scenarios by it; of a rerun only those that somebody asked for. An apply that
// is asked for again because more would change than was approved of adds that.
func (w *work) notePlan(plan Plan) {
	known := w.run.Plan
	if known != nil && (w.run.Applying || plan.within(*known)) {
		known.Refused = plan.Refused
		return
	}
	if known != nil {
		plan = plan.with(*known)
		w.run.Approval = nil
	}
	before := w.catalog.loadTime(w.run.Selection)
	w.run.Plan = &plan
	w.run.Selection = w.catalog.SelectPlan(w.run.Change(), plan).narrowed(w.run.Selection.Only)
	w.run.Expected = max(0, w.run.Expected+w.catalog.loadTime(w.run.Selection)-before)
}

// unwanted ends a run whose plan somebody rejected, or nobody approved of in time. It tells whether that is so.
func (w *work) unwanted() bool {
	asked := w.run.Approval
	switch {
	case asked == nil || w.run.Applying || w.approved():
		return false
	case w.run.Rejected != nil:
		w.run.Reason = "the plan was rejected by " + w.run.Rejected.Name
	case !w.Now().Before(asked.Expires):
		w.run.Reason = fmt.Sprintf("nobody approved the plan within %s", Brief(asked.Expires.Sub(asked.Asked)))
	default:
		return false
	}
	w.finish(Cancelled, "")
	return true
}

// approved tells whether somebody approved of the plan as it was last asked for.
func (w *work) approved() bool {
	return w.run.Approved != nil && w.run.Approval != nil && !w.run.Approved.At.Before(w.run.Approval.Asked)
}

// approval returns nil once somebody approved. Else it has the run wait.
func (w *work) approval(ctx context.Context, patience time.Duration) error {
	if w.run.Applying || w.approved() {
		return nil
	}
	if w.run.Approval == nil {
		w.run.Approval = &Approval{Asked: w.Now(), Expires: w.Now().Add(patience)}
	}
	w.run.State, w.run.Stage = Waiting, "" // whoever takes it up again begins anew, for meanwhile others may have run
	if err := w.checkpoint(ctx); err != nil {
		return err
	}
	return &Postponed{w.run.Approval.Expires}
}

// apply applies the plan.
func (w *work) apply(ctx context.Context, planned Planned) error {
	again := w.run.Applying
	if err := w.applying(ctx); err != nil {
		return err
	}
	err := planned.Apply(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if broken, ok := errors.AsType[StepError](err); ok {
		return w.unapplied(ctx, "the apply failed: ", broken.Explain(), again)
	}
	if err != nil {
		return err
	}
	return w.applied(ctx)
}

func (w *work) applied(ctx context.Context) error {
	w.run.Stage = StageTest
	return w.Ledger.Install(ctx, w.lease, w.run.ID, w.run.Change().thing(), w.run.Change().Artefact())
}

// familiar leaves of a plan's tags those that mean something in the catalog. The others are nobody's business here.
func (c *Catalog) familiar(p Plan) Plan {
	known := c.tags()
	p.Resources = slices.Clone(p.Resources)
	for i := range p.Resources {
		r := &p.Resources[i]
		r.Tags = slices.DeleteFunc(slices.Clone(r.Tags), func(tag string) bool { return !known[tag] })
	}
	return p
}

func (c *Catalog) tags() map[string]bool {
	known := map[string]bool{}
	note := func(tags []string) {
		for _, tag := range tags {
			known[tag] = true
		}
	}
	for _, s := range c.Services {
		note(s.Tags)
		note(s.Uses)
	}
	for _, s := range c.Stacks {
		note(s.Tags)
	}
	for _, s := range c.Scenarios {
		note(s.Tags)
	}
	return known
}

// SelectPlan chooses the scenarios for what a plan touches: none when it is empty, all when it is large.
func (c *Catalog) SelectPlan(change Change, p Plan) Selection {
	var touched []string
	for _, r := range p.Resources {
		touched = append(touched, r.Tags...)
	}
	switch n := len(p.Resources); {
	case p.Empty():
		return Selection{Touched: []string{}, Reason: "the plan is empty: nothing changes", Scenarios: []Selected{}}
	case p.idle():
		return Selection{Touched: []string{}, Reason: "the plan only changes the state", Scenarios: []Selected{}}
	case c.FullSuite.Resources > 0 && n >= c.FullSuite.Resources:
		full := c.SelectAll(fmt.Sprintf("full suite: the plan changes %d resources, %d or more run everything", n, c.FullSuite.Resources))
		full.Touched = touched
		return full
	}
	return c.Select(change, touched...)
}

func (c *Catalog) loadTime(s Selection) (total time.Duration) {
	for _, name := range s.Names() {
		total += c.Scenarios[name].Load.Duration()
	}
	return total
}

// within tells whether a plan does nothing that another one does not do too.
func (p Plan) within(other Plan) bool {
	for _, r := range p.Resources {
		if !slices.ContainsFunc(other.Resources, r.same) {
			return false
		}
	}
	return true
}

// beyond names what a plan does that another one does not do too.
func (p Plan) beyond(other Plan) string {
	var more []string
	for _, r := range p.Resources {
		if !slices.ContainsFunc(other.Resources, r.same) {
			more = append(more, r.Action+" "+r.Address)
		}
	}
	return strings.Join(more, ", ")
}

// with is the plan and what another one had besides.
func (p Plan) with(other Plan) Plan {
	for _, r := range other.Resources {
		if !slices.ContainsFunc(p.Resources, r.same) {
			p.Resources = append(p.Resources, r)
		}
	}
	return p
}

func (r Resource) same(other Resource) bool {
	return r.Address == other.Address && r.Action == other.Action
}
