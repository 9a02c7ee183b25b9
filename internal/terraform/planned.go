package terraform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"bellwether/pipeline"
)

// planned is a plan with the folder that holds it.
type planned struct {
	applier   *Applier
	stack     pipeline.Stack
	settings  pipeline.Terraform
	log       *slog.Logger
	folder    *folder
	terraform *tfexec.Terraform
	plan      pipeline.Plan
	sensitive secrets // the plan's
	blind     bool    // terraform works with values of which is not known yet, or any more, which are sensitive
	applied   bool
}

// Plan is what would change.
func (p *planned) Plan() pipeline.Plan { return p.plan }

// Apply applies the plan. It does so once, whatever comes of it: a plan is only good for the state it was made for.
func (p *planned) Apply(ctx context.Context) error {
	if p.applied || len(p.plan.Refused) > 0 {
		return machine(errors.New("a plan that was refused, or applied already, is not applied"))
	}
	p.applied = true
	return p.run(ctx, "apply", func(ctx context.Context, seen *journal) error {
		options := []tfexec.ApplyOption{tfexec.DirOrPlan(p.folder.path(planFile))}
		if p.settings.LockTimeout > 0 {
			options = append(options, tfexec.LockTimeout(p.settings.LockTimeout.String()))
		}
		err := p.terraform.ApplyJSON(ctx, seen, options...)
		if err != nil {
			p.readState(ctx)
			return err
		}
		p.log.Info("a stack was applied", "resources", seen.done, "outputs", seen.outputs)
		return nil
	})
}

// Close deletes the plan and the working copy.
func (p *planned) Close() error {
	if p.folder == nil {
		return nil
	}
	err := p.folder.close()
	p.folder = nil
	return err
}

// late is the error of what took longer than its timeout.
type late struct{ error }

// run has terraform do something within the stack's timeout, half an hour unless it has one. Its error is ctx's cause, or
// a *Failure. When ctx or the timeout ends it, everything it started is gone once run returns.
func (p *planned) run(ctx context.Context, what string, do func(context.Context, *journal) error) error {
	limit := p.settings.Timeout
	if limit == 0 {
		limit = 30 * time.Minute
	}
	within, cancel := context.WithTimeoutCause(ctx, limit, late{fmt.Errorf("terraform %s took longer than %s", what, pipeline.Brief(limit))})
	defer cancel()
	var seen journal
	err := p.contain(within, func() error { return do(within, &seen) })
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case within.Err() != nil:
		err = context.Cause(within)
	}
	return p.explain(what, err, &seen)
}

// contain sees to it that what is done ends with ctx: terraform-exec interrupts terraform, and kills it when the grace is
// over, but not the providers and provisioners that terraform started.
func (p *planned) contain(ctx context.Context, do func() error) error {
	returned, gone := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(gone)
		select {
		case <-returned:
		case <-time.After(p.applier.grace() + 200*time.Millisecond):
		}
		end(p.folder.path(""))
	})
	// terraform-exec has Linux kill terraform when the thread that started it ends, as it does when Bellwether is killed.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := do()
	close(returned)
	if !stop() {
		<-gone
	}
	return err
}
