package bot

import (
	"slices"
	"strings"

	"bellwether/pipeline"
)

// ResultFile is the name of the file in which a run's page offers what a scenario measured: "checkout-flow-R42.json.gz". It
// needs no quotes in a shell and is no option, whatever the names are.
func ResultFile(scenario, run string) string { return resultFile(scenario, plain(run)) }

func resultFile(scenario, runs string) string { return plain(scenario) + "-" + runs + ".json.gz" }

// plain has only what names in a catalog may have: letters, digits, dots, underscores, and dashes but not in front.
func plain(name string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._-", r):
			return r
		}
		return '_'
	}, name), "-")
}

// Reproduce is the command line that judges an outcome of a run again, from the files of its page; empty for an outcome that
// was compared with nothing. Bash and zsh expand the braces: it stays short however many baselines there are.
func Reproduce(run string, o pipeline.Outcome) string {
	if len(o.Baseline) == 0 {
		return ""
	}
	var runs []string
	for _, id := range o.Baseline {
		runs = append(runs, plain(id))
	}
	baseline := strings.Join(runs, ",")
	if len(runs) > 1 {
		baseline = "{" + baseline + "}"
	}
	return "bellwether compare --baseline=" + resultFile(o.Scenario, baseline) + " " + ResultFile(o.Scenario, run)
}

// reproducer says how to check the gravest of the outcomes that were compared with earlier runs; nil when none was.
func (v voice) reproducer(shown []pipeline.Outcome) []Text {
	i := slices.IndexFunc(shown, func(o pipeline.Outcome) bool { return len(o.Baseline) > 0 })
	if i < 0 {
		return nil
	}
	page := Span{Text: "the run's page"}
	if url := v.RunURL(v.run.ID); url != "" {
		page = Link(page.Text, url)
	}
	return []Text{{{Text: "Check it yourself, with the files on "}, page, {Text: ": "}, Code(Reproduce(v.run.ID, shown[i]))}}
}
