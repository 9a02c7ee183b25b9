package commands

import (
	"context"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Approvals decides on plans.
type Approvals interface {
	// Approve and Reject let the first decision win; the run returned carries it.
	Approve(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error)
	Reject(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error)
}

func (t *turn) approve(ctx context.Context) (Reply, error) {
	return t.decide(ctx, t.Approvals.Approve, "approved")
}

func (t *turn) reject(ctx context.Context) (Reply, error) {
	return t.decide(ctx, t.Approvals.Reject, "rejected")
}

func (t *turn) decide(
	ctx context.Context, note func(context.Context, string, pipeline.Mark) (pipeline.Run, error), verb string,
) (Reply, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.may(ctx, "approve", aboutRun(run))
	}
	if err != nil {
		return Reply{}, err
	}
	if run.State != pipeline.Waiting || run.Approval == nil {
		return Reply{}, mistake("%s asks for no approval: it %s.", title(run), ended(run))
	}
	mark := t.mark(t.Because)
	if run, err = note(ctx, run.ID, mark); err != nil {
		return Reply{}, err
	}
	if err := t.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	word, first := bot.Decision(run)
	switch {
	case first == nil && run.State == pipeline.Waiting:
		return Reply{}, mistake("That is too late for the plan of %s: the time to decide is over, or it was planned anew.", title(run))
	case first == nil:
		return Reply{}, mistake("%s asks for no approval any more: it %s.", title(run), ended(run))
	case first.By != mark.By || word != verb:
		return Reply{}, mistake("The plan of %s was %s by %s already.", title(run), word, first.Name)
	}
	return said(bot.Span{Text: t.who.Name + " " + verb + " the plan of "}, bot.ThreadOf(run.ID), bot.Span{Text: " (" + run.Subject() + ")" + because(t.Because)}), nil
}
