package bot

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestTellingTwiceSaysNothingTwice(t *testing.T) {
	for name, run := range said {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			b := newBot(m)
			require.NoError(t, b.Tell(t.Context(), run))
			require.NotEmpty(t, m.news())
			require.NoError(t, b.Tell(t.Context(), run))
			require.Empty(t, m.news())
		})
	}
}

func TestAnOldRunNeverReplacesANewerOne(t *testing.T) {
	m := newMemory()
	b := newBot(m)
	require.NoError(t, b.Tell(t.Context(), done(steady("checkout-flow"))))
	m.news()
	for _, late := range []pipeline.Run{waiting(), running(pipeline.StageTest)} {
		require.NoError(t, b.Tell(t.Context(), late))
		require.Empty(t, m.news())
	}
	require.Contains(t, m.letters["R42/slack:C0CHECKOUT/root"].Message.Title, "passed")
}

func TestTheThreadIsEmptyUntilTheRunIsDone(t *testing.T) {
	for name, run := range said {
		if run.State == pipeline.Done || run.Overdue {
			continue
		}
		m := newMemory()
		require.NoError(t, newBot(m).Tell(t.Context(), run))
		for id, letter := range m.letters {
			require.Empty(t, letter.Root, "%s: %s", name, id)
		}
	}
}

func TestOneRunOneRootHoweverManyStages(t *testing.T) {
	m := newMemory()
	b := newBot(m)
	for i, run := range []pipeline.Run{waiting(), running(pipeline.StagePrepare), running(pipeline.StageTest), running(pipeline.StageJudge), said["regressed"], said["acknowledged"]} {
		run.Rev = int64(i + 1)
		require.NoError(t, b.Tell(t.Context(), run))
	}
	roots := 0
	for _, letter := range m.letters {
		if letter.Root == "" {
			roots++
		}
	}
	require.Equal(t, 1, roots)
}

// What is as bad as it was is nobody's news, and what is over needs nobody.
func TestOnlyWhatGotWorseMentionsPeople(t *testing.T) {
	for name, run := range said {
		m := newMemory()
		require.NoError(t, newBot(m).Tell(t.Context(), run))
		called := ""
		for _, letter := range m.letters {
			for _, line := range letter.Message.Body {
				for _, s := range line {
					if s.Person != nil {
						called = s.Person.Name
					}
				}
			}
		}
		expected := len(worsened(run)) > 0 && fate(run) == "" || len(run.Reminded) > 0
		require.Equal(t, expected, called != "", "%s calls %q", name, called)
	}
}

func TestWhoIsCalled(t *testing.T) {
	ids := map[string]string{
		"R42/slack:C0INFRA/mention":  "@ops-ldn please", // changed it
		"R42/slack:C0CHECKOUT/root":  "@dev-sg please",  // has the service that suffers
		"R42/slack:C0SEARCH/root":    "Nobody is on call in team search: please",
		"R42/slack:C0PLATFORM/other": "",
	}
	m := newMemory()
	both := stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2), confirmed(slower("search-page", pipeline.Regressed), 2))
	require.NoError(t, newBot(m).Tell(t.Context(), both))
	for id, words := range ids {
		require.Contains(t, m.letters[id].Message.String(), words, id)
	}
}

func TestAChangeOfOnesOwnServiceIsNobodyElsesNews(t *testing.T) {
	m := newMemory()
	run := done(confirmed(slower("search-page", pipeline.Regressed), 4))
	require.NoError(t, newBot(m).Tell(t.Context(), run))
	require.NotContains(t, m.letters, "R42/slack:C0SEARCH/root")

	run.Selection.Full = true // so large a change that it ran everything
	run.Rev++
	require.NoError(t, newBot(m).Tell(t.Context(), run))
	require.Contains(t, m.letters, "R42/slack:C0SEARCH/root")
}

func TestTeamsThatShareAChannelAreToldOnce(t *testing.T) {
	shared := catalog()
	team := shared.Teams["search"]
	team.Channels = shared.Teams["checkout"].Channels
	shared.Teams["search"] = team
	run := stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2), confirmed(slower("search-page", pipeline.Regressed), 2))
	for range 10 { // whatever the order of a map
		m := newMemory()
		b := newBot(m)
		b.Catalog = func() *pipeline.Catalog { return shared }
		roots := 0
		m.fail = func(call string) error {
			if call == "want R42/slack:C0CHECKOUT/root" {
				roots++
			}
			return nil
		}
		require.NoError(t, b.Tell(t.Context(), run))
		require.Equal(t, 1, roots)
		require.Contains(t, m.letters["R42/slack:C0CHECKOUT/root"].Message.Title, "checkout-flow")
	}
}

func TestEveryChannelOfATeamIsTold(t *testing.T) {
	m := newMemory()
	m.records["R42/checkout-flow"] = record()
	run := said["regressed"]
	run.Channels = []pipeline.Channel{checkout, {Platform: "web", ID: "team-checkout"}}
	drawn := 0
	m.fail = func(call string) error {
		if strings.HasPrefix(call, "keep ") {
			drawn++
		}
		return nil
	}
	for range 2 {
		require.NoError(t, newBot(m).Tell(t.Context(), run))
		run.Rev++
	}
	for _, channel := range run.Channels {
		for _, name := range []string{"root", "results", "chart/checkout-flow", "mention"} {
			require.Contains(t, m.letters, "R42/"+channel.String()+"/"+name)
		}
	}
	require.Equal(t, 1, drawn, "a chart is drawn once")
	require.NotEmpty(t, m.pictures["R42/checkout-flow"])
}

func TestOnlyProgressWaits(t *testing.T) {
	for name, run := range said {
		m := newMemory()
		require.NoError(t, newBot(m).Tell(t.Context(), run))
		want := noon
		if run.State == pipeline.Running {
			want = noon.Add(time.Second)
		}
		for id, due := range m.due {
			require.Equal(t, want, due, "%s: %s", name, id)
		}
	}
}

func TestAnExpiredRecordIsNoError(t *testing.T) {
	m := newMemory()
	require.NoError(t, newBot(m).Tell(t.Context(), said["regressed"]))
	require.NotContains(t, m.letters, "R42/slack:C0CHECKOUT/chart/checkout-flow")
	require.Contains(t, m.letters, "R42/slack:C0CHECKOUT/mention")
}

func TestWhatCannotBeStoredIsAnError(t *testing.T) {
	for _, call := range []string{
		"want R42/slack:C0INFRA/root", "want R42/slack:C0INFRA/results", "want R42/slack:C0INFRA/chart/checkout-flow",
		"want R42/slack:C0INFRA/mention", "want R42/slack:C0CHECKOUT/root", "record R42/checkout-flow", "picture R42/checkout-flow", "keep R42/checkout-flow",
	} {
		m := newMemory()
		m.records["R42/checkout-flow"] = record()
		broken := errors.New("redis is away")
		m.fail = func(c string) error {
			if c == call {
				return broken
			}
			return nil
		}
		require.ErrorIs(t, newBot(m).Tell(t.Context(), said["stack-regressed"]), broken, call)
	}
	m := newMemory()
	m.fail = func(string) error { return errors.New("redis is away") }
	require.Error(t, newBot(m).Refuse(t.Context(), "k", "what", "why"))
	require.Error(t, newBot(m).Tell(t.Context(), failedDeploy()))
}

func TestAThreadSaysNoSentenceTwice(t *testing.T) {
	for name, run := range said {
		m := newMemory()
		require.NoError(t, newBot(m).Tell(t.Context(), run))
		said := map[string]string{}
		for id, letter := range m.letters {
			lines := []string{letter.Message.Title}
			for _, line := range letter.Message.Body {
				lines = append(lines, line.String())
			}
			if run.Change().Kind == pipeline.KindStack && letter.Channel == checkout {
				continue // another thread
			}
			for _, line := range lines {
				require.Empty(t, said[line], "%s: %q is in %s, too", name, line, id)
				said[line] = id
			}
		}
	}
}

func TestTablesFitAPhone(t *testing.T) {
	const phone = 44 // columns of Slack's fixed-width face on a screen 360 px wide
	for name, run := range said {
		m := newMemory()
		require.NoError(t, newBot(m).Tell(t.Context(), run))
		for id, letter := range m.letters {
			if letter.Message.Table == nil {
				continue
			}
			for line := range strings.Lines(letter.Message.Table.String()) {
				require.LessOrEqual(t, columns(strings.TrimSpace(line)), phone, "%s: %s: %s", name, id, line)
			}
		}
	}
}

func TestHeadlineAndRowsNeedNothingElse(t *testing.T) {
	for name, run := range said {
		title, mood := Headline(run)
		require.NotEmpty(t, title, name)
		require.NotEmpty(t, mood, name)
		for _, o := range run.Outcomes {
			for _, row := range Rows(o) {
				require.Len(t, row, 5, name)
			}
		}
	}
}

func TestErrorsFromNothingLead(t *testing.T) {
	errors := func(scenario string, was, now, ratio float64) pipeline.Outcome {
		return pipeline.Outcome{Scenario: scenario, Verdict: pipeline.Regressed, Findings: []pipeline.Finding{{
			Group: scenario, Metric: pipeline.Errors, Was: was, Now: now, Ratio: ratio, Rule: pipeline.RuleHistory, Verdict: pipeline.Regressed,
		}}}
	}
	title, _ := Headline(pipeline.Run{
		State: pipeline.Done, Verdict: pipeline.Regressed, Environment: "load",
		Outcomes: []pipeline.Outcome{errors("billing", 0.01, 0.04, 4), errors("checkout", 0, 0.98, 0)},
	})
	require.Contains(t, title, "checkout")
	require.Contains(t, title, "98 %")
}

func TestADecisionIsOnThePlanThatWasAskedFor(t *testing.T) {
	early, late := &pipeline.Mark{At: noon.Add(-time.Second)}, &pipeline.Mark{At: noon}
	asked := &pipeline.Approval{Asked: noon}
	for name, c := range map[string]struct {
		run  pipeline.Run
		want string
	}{
		"nothing was asked":     {pipeline.Run{Approved: late, Rejected: late}, ""},
		"nobody decided":        {pipeline.Run{Approval: asked}, ""},
		"approved":              {pipeline.Run{Approval: asked, Approved: late}, "approved"},
		"approved another plan": {pipeline.Run{Approval: asked, Approved: early}, ""},
		"rejected":              {pipeline.Run{Approval: asked, Rejected: late}, "rejected"},
	} {
		word, by := Decision(c.run)
		require.Equal(t, c.want, word, name)
		require.Equal(t, c.want != "", by != nil, name)
	}
}

func TestAStackOfNobodysIsNoTeams(t *testing.T) {
	m := newMemory()
	run := stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2))
	run.Team = ""
	require.NoError(t, newBot(m).Tell(t.Context(), run))
	require.Contains(t, m.letters["R42/slack:C0CHECKOUT/root"].Message.String(), "Since: orders-db 2.4.0\n")
}
