package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/internal/catalog"
	"bellwether/internal/config"
	"bellwether/internal/intake"
	"bellwether/internal/strictyaml"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// configFlag is where the settings are.
type configFlag struct {
	Config string `short:"c" required:"" placeholder:"FILE" help:"The settings, bellwether.yaml."`
}

// load reads settings and catalog, with all their problems.
func (f configFlag) load(p Process) (config.Config, *pipeline.Catalog, []strictyaml.Problem) {
	settings, problems := config.Load(f.Config, p.Env)
	if settings.Catalog == "" {
		return settings, nil, problems
	}
	c, more := catalog.Load(settings.Catalog, p.Env)
	if c != nil && !strictyaml.Refused(problems) {
		more = append(append(more, unheard(settings, c)...), unasked(settings, c)...)
	}
	return settings, c, append(problems, more...)
}

// unheard warns of those whom nothing will reach: teams whose channels are all on platforms that the settings lack, and
// whoever should hear of refused events.
func unheard(settings config.Config, c *pipeline.Catalog) []strictyaml.Problem {
	var problems []strictyaml.Problem
	spoken := platforms(settings.Chat)
	expect := func(channels []pipeline.Channel, key, lost string) {
		if !slices.ContainsFunc(channels, func(ch pipeline.Channel) bool { return slices.Contains(spoken, ch.Platform) }) {
			text := fmt.Sprintf("has no channel on a platform of the settings, so %s; write %s under it", lost, strings.Join(spoken, " or "))
			problems = append(problems, strictyaml.Problem{File: settings.Catalog, Key: key, Text: text, Warning: true})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Teams)) {
		expect(c.Teams[name].Channels, "teams."+name+".chat", "nothing reaches the team")
	}
	expect(c.Unowned, "unowned", "refused events are told nowhere")
	return problems
}

// unasked warns of roles that somebody has by a group of a platform that the settings lack, where nobody can ask for its members.
func unasked(settings config.Config, c *pipeline.Catalog) []strictyaml.Problem {
	var problems []strictyaml.Problem
	spoken := platforms(settings.Chat)
	for _, role := range slices.Sorted(maps.Keys(c.Roles)) {
		for _, holder := range c.Roles[role] {
			kind, _, _ := strings.Cut(holder, ":")
			platform := map[string]string{"slack-group": "slack", "entra-group": "teams"}[kind]
			if platform != "" && !slices.Contains(spoken, platform) {
				text := fmt.Sprintf("nobody has the role by %s, since the settings have no chat.%s; add it, or leave the group out", holder, platform)
				problems = append(problems, strictyaml.Problem{File: settings.Catalog, Key: "roles." + string(role), Text: text, Warning: true})
			}
		}
	}
	return problems
}

// platforms are those on which Bellwether speaks.
func platforms(chat config.Chat) (names []string) {
	if chat.Slack != nil {
		names = append(names, "slack")
	}
	if chat.Teams != nil {
		names = append(names, "teams")
	}
	if chat.Web {
		names = append(names, "web")
	}
	return names
}

// catalog is the loaded catalog, or every problem printed and an exit code. Other problems of the settings do not matter
// here: whoever asks what would run need not have the secrets.
func (f configFlag) catalog(p Process) (config.Config, *pipeline.Catalog, error) {
	settings, c, problems := f.load(p)
	if c == nil {
		return settings, nil, refused(p, problems)
	}
	return settings, c, nil
}

type checkCommand struct {
	configFlag
	JSON bool `help:"Print JSON."`
}

func (c *checkCommand) Run(p Process) error {
	_, _, problems := c.load(p)
	if c.JSON {
		if err := printJSON(p.Out, append([]strictyaml.Problem{}, problems...)); err != nil {
			return err
		}
	} else {
		for _, problem := range problems {
			fmt.Fprintln(p.Out, problem)
		}
	}
	if strictyaml.Refused(problems) {
		return exit(exitFailed)
	}
	if !c.JSON {
		fmt.Fprintln(p.Out, "The settings and the catalog are good.")
	}
	return nil
}

type selectCommand struct {
	configFlag
	Kind  string   `required:"" enum:"service,stack" placeholder:"KIND" help:"What changes: service or stack."`
	Name  string   `required:"" help:"Its name in the catalog."`
	Tags  []string `name:"tag" sep:"none" help:"A tag that is touched besides, such as db:orders; repeats."`
	Files *int     `placeholder:"N" help:"Files changed, if known."`
	Lines *int     `placeholder:"N" help:"Lines changed, if known."`
	Label []string `sep:"none" help:"A label of the change; repeats."`
	JSON  bool     `help:"Print JSON."`
}

func (c *selectCommand) Run(p Process) error {
	_, cat, err := c.catalog(p)
	if err != nil {
		return err
	}
	change := pipeline.Change{Kind: pipeline.Kind(c.Kind), Name: c.Name, Files: c.Files, Lines: c.Lines, Labels: c.Label}
	if _, ok := cat.Thing(change.Kind, change.Name); !ok {
		return unknown(cat, change)
	}
	return printSelection(p.Out, cat.Select(change, c.Tags...), c.JSON)
}

// unknown says that the catalog has no such name, and which one was probably meant.
func unknown(cat *pipeline.Catalog, change pipeline.Change) error {
	var names []string
	for _, thing := range cat.Things() {
		if thing.Kind == change.Kind {
			names = append(names, thing.Name)
		}
	}
	hint := "known: " + strings.Join(names, ", ")
	if near := suggest.Nearest(change.Name, names); near != "" {
		hint = "did you mean " + near + "?"
	} else if len(names) == 0 {
		hint = fmt.Sprintf("it has no %ss at all", change.Kind)
	}
	return fmt.Errorf("the catalog has no %s %q; %s", change.Kind, change.Name, hint)
}

func printSelection(w io.Writer, sel pipeline.Selection, asJSON bool) error {
	if asJSON {
		sel.Scenarios = append([]pipeline.Selected{}, sel.Scenarios...)
		return printJSON(w, sel)
	}
	fmt.Fprintln(w, sel.Reason)
	for _, s := range sel.Scenarios {
		fmt.Fprintln(w, "  "+s.String())
	}
	if len(sel.Scenarios) == 0 {
		fmt.Fprintln(w, "  nothing to test: no scenario has these tags")
	}
	return nil
}

type replayCommand struct {
	configFlag
	Event string `arg:"" name:"event.json" help:"An EventBridge envelope."`
	JSON  bool   `help:"Print JSON."`
}

// outcome is what would be done with an event.
type outcome struct {
	Ignored string `json:"ignored,omitempty"` // why
	Changes []plan `json:"changes"`
}

// plan is what would be done with one change.
type plan struct {
	Kind         pipeline.Kind      `json:"kind"`
	Name         string             `json:"name"`
	Revision     string             `json:"revision"`
	Team         string             `json:"team"`
	Environments []string           `json:"environments"`
	Image        string             `json:"image"`
	WaitsFor     string             `json:"waits_for,omitempty"`
	Selection    pipeline.Selection `json:"selection"`
}

func (c *replayCommand) Run(p Process) error {
	settings, cat, err := c.catalog(p)
	if err != nil {
		return err
	}
	body, err := readEvent(c.Event)
	if err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	secrets := settings.Secrets()
	event, err := intake.Decode(body, config.Redactor(secrets...), config.Detector(secrets...))
	if err != nil {
		return fmt.Errorf("%s would be refused: %w", c.Event, err)
	}
	done := outcome{Ignored: event.Ignored, Changes: []plan{}}
	if event.Ignored == "" {
		changes, err := cat.Resolve(event.Change)
		refusal, _ := errors.AsType[*pipeline.Refusal](err)
		switch {
		case refusal != nil && refusal.Unowned && event.Broadcast:
			done.Ignored = refusal.Reason
		case err != nil:
			return fmt.Errorf("%s would be refused: %w", c.Event, err)
		default:
			done.Changes = plans(cat, changes)
		}
	}
	return done.print(p.Out, c.JSON)
}

func readEvent(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, intake.MaxEvent+1))
	if err == nil && len(body) > intake.MaxEvent {
		err = fmt.Errorf("%s has more than %d bytes, as no event has", path, intake.MaxEvent)
	}
	return body, err
}

func plans(cat *pipeline.Catalog, changes []pipeline.Change) []plan {
	all := []plan{}
	for _, c := range changes {
		thing, _ := cat.Thing(c.Kind, c.Name)
		one := plan{c.Kind, c.Name, c.Revision, thing.Team, thing.Environments, c.Image, "", cat.Select(c)}
		if s := cat.Services[c.Name]; c.Kind == pipeline.KindService && s.Image != "" && c.Image == "" {
			one.WaitsFor = "its image, " + bot.Roughly(s.WaitForImage) + " at most"
		}
		all = append(all, one)
	}
	return all
}

func (o outcome) print(w io.Writer, asJSON bool) error {
	switch {
	case asJSON:
		return printJSON(w, o)
	case o.Ignored != "":
		fmt.Fprintln(w, "ignored: "+o.Ignored)
	case len(o.Changes) == 0:
		fmt.Fprintln(w, "nothing to do: only ignored paths are touched")
	}
	for _, one := range o.Changes {
		fmt.Fprintf(w, "%s %s at %s, of team %s, on %s\n", one.Kind, one.Name, one.Revision, one.Team, strings.Join(one.Environments, ", "))
		if one.WaitsFor != "" {
			fmt.Fprintln(w, "waits for "+one.WaitsFor)
		}
		if err := printSelection(w, one.Selection, false); err != nil {
			return err
		}
	}
	return nil
}

type versionCommand struct {
	JSON bool `help:"Print JSON."`
}

func (c *versionCommand) Run(p Process) error {
	if c.JSON {
		return printJSON(p.Out, map[string]string{"version": Version})
	}
	fmt.Fprintln(p.Out, "bellwether "+Version)
	return nil
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
