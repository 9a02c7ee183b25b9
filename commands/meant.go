package commands

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/pipeline"
)

// named is the run that a command must name, unless it is said in the run's thread: nobody stops or answers for a run that
// they only happened to mean.
func (t *turn) named(ctx context.Context) (pipeline.Run, error) {
	if t.Subject == "" && t.who.Run == "" {
		return pipeline.Run{}, mistake("Which run? Usage: %s", usage(t.Verb))
	}
	return t.meant(ctx)
}

// meant is the run that somebody means: by its id, as the newest of a service or stack, as this thread's, or as the newest
// of the team whose channel it is said in.
func (t *turn) meant(ctx context.Context) (run pipeline.Run, err error) {
	switch {
	case t.Subject != "":
		run, err = t.find(ctx, t.Subject)
	case t.who.Run != "":
		run, err = t.find(ctx, t.who.Run)
	default:
		run, err = t.newest(ctx)
	}
	t.run = run.ID
	return run, err
}

// find is a run by its id, or the newest one of a service or stack.
func (d *Desk) find(ctx context.Context, name string) (pipeline.Run, error) {
	if !numbered(name, "R") {
		return d.newestOf(ctx, name)
	}
	id := strings.ToUpper(name)
	run, err := d.Runs.Load(ctx, id)
	if errors.Is(err, bot.ErrNotFound) {
		return pipeline.Run{}, mistake("I don't know a run %s. Runs are forgotten 90 days after their end.", short(id))
	}
	return run, err
}

// numbered tells whether somebody means a run ("R42") or a hold ("h3") by its id.
func numbered(s, letter string) bool {
	return len(s) > 1 && strings.EqualFold(s[:1], letter) && strings.Trim(s[1:], "0123456789") == ""
}

func (d *Desk) newestOf(ctx context.Context, name string) (pipeline.Run, error) {
	name, err := known("service or stack", name, d.Catalog().Names())
	if err != nil {
		return pipeline.Run{}, err
	}
	runs, err := d.Runs.Newest(ctx, name, 1)
	if err == nil && len(runs) == 0 {
		err = mistake("%s has not been tested yet.", name)
	}
	if err != nil {
		return pipeline.Run{}, err
	}
	return runs[0], nil
}

// newest run of what the team of this channel owns.
func (t *turn) newest(ctx context.Context) (newest pipeline.Run, err error) {
	team, ok := t.Catalog().TeamOf(t.who.Channel)
	if !ok {
		return newest, mistake("Which one? Name a run, a service or a stack.")
	}
	for _, thing := range t.Catalog().Things() {
		if thing.Team != team.Name {
			continue
		}
		runs, err := t.Runs.Newest(ctx, thing.Name, 1)
		if err != nil {
			return newest, err
		}
		if len(runs) > 0 && runs[0].Submitted.After(newest.Submitted) {
			newest = runs[0]
		}
	}
	if newest.ID == "" {
		return newest, mistake("Nothing of team %s has been tested yet. Name a run, a service or a stack.", team.Name)
	}
	return newest, nil
}

// environment of that name; without a name the only one.
func (d *Desk) environment(name string) (string, error) {
	names := slices.Sorted(maps.Keys(d.Catalog().Environments))
	switch {
	case name != "":
		return known("environment", name, names)
	case len(names) != 1:
		return "", mistake("On which environment? There are: %s.", strings.Join(names, ", "))
	}
	return names[0], nil
}
