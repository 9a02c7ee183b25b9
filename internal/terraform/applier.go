// Package terraform plans and applies stacks for pipeline, with the terraform or tofu that is installed.
//
// A plan runs code: the configuration's providers, its external data sources, at an apply its provisioners too. So a
// stack is checked out by a Source that hands out reviewed revisions only, each plan has a private folder that is gone
// when the plan is, and terraform sees no more of Bellwether's environment than the operator passes on.
//
// Values stay in memory and are thrown away: what leaves this package are addresses, types, actions, tags, and errors
// without the values that the plan calls sensitive.
package terraform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"bellwether/pipeline"
)

var _ pipeline.Applier = (*Applier)(nil)

// Source checks stacks out.
type Source interface {
	// Checkout fills the folder, which is empty, with the change's revision. Errors that are not ctx's are StepErrors.
	Checkout(ctx context.Context, repositories []pipeline.Repository, change pipeline.Change, folder string) error
}

// Applier plans stacks and applies its plans.
type Applier struct {
	Source Source
	Dir    string // holds a private folder for each plan, as long as it lives; made when it is missing, refused when it is not ours alone
	Log    *slog.Logger
	Redact func(string) string // takes secrets out of a text; nil when there are none
	Pass   []string            // names of Bellwether's own environment variables that terraform gets too, but TF_VAR_…
	Grace  time.Duration       // from SIGINT to SIGKILL; 0 means 2 s: a lane's next holder may start soon
}

const planFile = "plan" // in the plan's folder, beside the working copy

// Plan checks the stack out, plans it and holds the plan against the stack's policy. Before that it sweeps: what a
// Bellwether that was killed has left running would work on the same things.
func (a *Applier) Plan(ctx context.Context, stack pipeline.Stack, environment pipeline.Environment, change pipeline.Change) (pipeline.Planned, error) {
	p := &planned{
		applier: a, stack: stack, settings: *stack.Apply.Terraform,
		log: a.Log.With("stack", stack.Name, "environment", environment.Name, "revision", change.Revision),
	}
	if err := a.sweep(ctx); err != nil {
		p.log.Error("what was left by a Bellwether that died is still there", "error", err)
	}
	err := p.prepare(ctx, environment, change)
	if err == nil {
		err = p.run(ctx, "plan", p.makePlan)
	}
	if err == nil {
		p.log.Info("a stack was planned", "resources", len(p.plan.Resources), "outputs", len(p.plan.Outputs), "refused", len(p.plan.Refused))
		return p, nil
	}
	if err := p.Close(); err != nil {
		p.log.Error("working copy not deleted", "error", err)
	}
	return nil, err
}

// prepare makes the working copy, and a terraform that works in it.
func (p *planned) prepare(ctx context.Context, environment pipeline.Environment, change pipeline.Change) error {
	binary, err := find(cmp.Or(p.settings.Binary, "terraform"))
	if err != nil {
		return err
	}
	if p.folder, err = open(ctx, p.applier.Dir, p.stack.Name); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return machine(fmt.Errorf("make a working folder: %w", err))
	}
	source := p.folder.path("source")
	if err := os.Mkdir(source, 0o700); err != nil {
		return machine(fmt.Errorf("make a working folder: %w", err))
	}
	if err := p.applier.Source.Checkout(ctx, p.stack.Repositories, change, source); err != nil {
		return err
	}
	root, err := rootModule(source, p.settings.Dir)
	if err != nil {
		return err
	}
	if p.terraform, err = tfexec.NewTerraform(root, binary); err != nil {
		return machine(fmt.Errorf("prepare terraform: %w", err))
	}
	return p.equip(p.applier.environment(p.folder, pipeline.Values{
		Service: p.stack.Name, Environment: environment.Name, URL: environment.URL, Revision: change.Revision, Version: change.Version,
	}))
}

// equip gives terraform its environment. terraform-exec refuses what would change how it starts terraform.
func (p *planned) equip(env map[string]string) error {
	if prohibited := tfexec.ProhibitedEnv(env); len(prohibited) > 0 {
		return machine(fmt.Errorf("%s cannot be passed on to terraform", strings.Join(prohibited, ", ")))
	}
	if err := errors.Join(p.terraform.SetEnv(env), p.terraform.SetWaitDelay(p.applier.grace())); err != nil {
		return machine(fmt.Errorf("prepare terraform: %w", err))
	}
	return nil
}

// makePlan initialises the working copy and plans, unless what init installed must not run.
func (p *planned) makePlan(ctx context.Context, seen *journal) error {
	if _, _, err := p.terraform.Version(ctx, false); err != nil { // terraform-exec asks anyway, but hides why there is no answer
		return err
	}
	if err := p.terraform.InitJSON(ctx, seen); err != nil {
		return err
	}
	if err := keepsState(p.folder.path("data")); err != nil {
		return err
	}
	refused, err := p.foreign(ctx)
	if err != nil || len(refused) > 0 {
		p.plan.Refused = refused
		return err
	}
	if err := os.WriteFile(p.folder.path(planFile), nil, 0o600); err != nil { // terraform would let others read it
		return err
	}
	options := []tfexec.PlanOption{tfexec.Out(p.folder.path(planFile))}
	if p.settings.LockTimeout > 0 {
		options = append(options, tfexec.LockTimeout(p.settings.LockTimeout.String()))
	}
	p.blind = true
	if _, err := p.terraform.PlanJSON(ctx, seen, options...); err != nil {
		return err
	}
	return p.readPlan(ctx)
}

// readState learns what an apply that failed has made that is sensitive: the plan did not know it yet.
func (p *planned) readState(ctx context.Context) {
	p.terraform.SetStdout(io.Discard)
	state, err := p.terraform.Show(ctx)
	if p.blind = err != nil; !p.blind {
		p.sensitive.state(state.Values)
	}
}

// readPlan has terraform show the plan, values and all, in memory.
func (p *planned) readPlan(ctx context.Context) error {
	p.terraform.SetStdout(io.Discard) // it is still the journal, which is for messages
	shown, err := p.terraform.ShowPlanFile(ctx, p.folder.path(planFile))
	if err != nil {
		return err
	}
	p.sensitive, p.blind = sensitiveValues(shown), false
	p.plan = summarise(shown, p.settings.Resources)
	p.plan.Refused = judge(shown, p.settings)
	return nil
}

// foreign is what is to be refused before anything that init installed runs.
func (p *planned) foreign(ctx context.Context) ([]string, error) {
	if len(p.settings.Providers) == 0 {
		return nil, nil
	}
	if _, err := os.Lstat(filepath.Join(p.terraform.WorkingDir(), "terraform.d")); err == nil {
		return []string{"the repository brings providers of its own, in terraform.d"}, nil
	}
	p.terraform.SetStdout(io.Discard)
	_, installed, err := p.terraform.Version(ctx, true)
	var refused []string
	for _, provider := range sortedKeys(installed) {
		if !allowed(p.settings.Providers, provider) {
			refused = append(refused, fmt.Sprintf("provider %s is not among the stack's providers", provider))
		}
	}
	return refused, err
}

// environment is all that terraform, and with it the configuration, learns of the world.
func (a *Applier) environment(f *folder, v pipeline.Values) map[string]string {
	env := map[string]string{
		"BELLWETHER_SERVICE":     v.Service,
		"BELLWETHER_ENVIRONMENT": v.Environment,
		"BELLWETHER_URL":         v.URL,
		"BELLWETHER_REVISION":    v.Revision,
		"BELLWETHER_VERSION":     v.Version,
	}
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TMPDIR"}, a.Pass...) {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	env["CHECKPOINT_DISABLE"] = "1"     // nobody is told of new versions
	env["GIT_TERMINAL_PROMPT"] = "0"    // modules may come from git, and nobody answers
	env["TF_DATA_DIR"] = f.path("data") // not .terraform, which a repository could bring along
	env[marker] = f.path("")
	return env
}

func (a *Applier) redact(text string) string {
	if a.Redact == nil {
		return text
	}
	return a.Redact(text)
}

func (a *Applier) grace() time.Duration { return cmp.Or(a.Grace, 2*time.Second) }
