package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// found is a run that found p95 and errors of cart and p95 of pay to be worse.
func found() pipeline.Run {
	of := func(scenario string, verdict pipeline.Verdict) pipeline.Outcome {
		return pipeline.Outcome{Scenario: scenario, Verdict: verdict}
	}
	return pipeline.Run{
		ID: "R1", State: pipeline.Done, Outcomes: []pipeline.Outcome{of("cart", pipeline.Regressed), of("pay", pipeline.Suspect), of("list", pipeline.Pass)},
		Regressions: []pipeline.Regression{
			{ID: "R1/cart/p95", Run: "R1", Scenario: "cart", Metric: pipeline.P95},
			{ID: "R1/cart/errors", Run: "R1", Scenario: "cart", Metric: pipeline.Errors},
			{ID: "R1/pay/p95", Run: "R1", Scenario: "pay", Metric: pipeline.P95},
		},
	}
}

func ids(regressions []pipeline.Regression) (ids []string) {
	for _, g := range regressions {
		ids = append(ids, g.ID)
	}
	return ids
}

func alarming(run pipeline.Run) (names []string) {
	for _, o := range run.Alarming() {
		names = append(names, o.Scenario)
	}
	return names
}

func TestWhoLooksAfterWhat(t *testing.T) {
	run := found()
	mark := func(name, scope string, metric pipeline.Metric) pipeline.Mark {
		return pipeline.Mark{Name: name, Scope: scope, Metric: metric}
	}
	all := []pipeline.Mark{mark("all", "", ""), mark("p95", "", pipeline.P95), mark("cart", "cart", ""), mark("p95 of cart", "cart", pipeline.P95)}
	for _, c := range []struct {
		marks    []pipeline.Mark
		scenario string
		metric   pipeline.Metric
		want     string // nobody when empty
	}{
		{all, "cart", pipeline.P95, "p95 of cart"},
		{all, "cart", pipeline.Errors, "cart"},
		{all, "cart", "", "cart"},
		{all, "pay", pipeline.P95, "p95"},
		{all, "pay", "", "all"},
		{all, "", pipeline.P95, "p95"},
		{all, "", "", "all"},
		{all[:3], "cart", pipeline.P95, "cart"},
		{all[1:2], "pay", "", ""},
		{all[2:3], "pay", pipeline.P95, ""},
		{all[3:], "cart", "", ""},
		{all[3:], "cart", pipeline.Errors, ""},
		{nil, "cart", pipeline.P95, ""},
	} {
		run.Acknowledged = c.marks
		got, taken := run.Taken(c.scenario, c.metric)
		require.Equal(t, c.want != "", taken, "%+v", c)
		require.Equal(t, c.want, got.Name, "%+v", c)
	}
}

func TestWhatIsOpen(t *testing.T) {
	run := found()
	require.Equal(t, []string{"R1/cart/p95", "R1/cart/errors", "R1/pay/p95"}, ids(run.Open()))
	run.Acknowledged = []pipeline.Mark{{Scope: "cart", Metric: pipeline.P95}}
	require.Equal(t, []string{"R1/cart/errors", "R1/pay/p95"}, ids(run.Open()))
	require.Equal(t, []string{"cart", "pay"}, alarming(run), "though somebody looks after one of them")
	run.Regressions[1].End = &pipeline.End{As: pipeline.Recovered}
	require.Equal(t, []string{"R1/pay/p95"}, ids(run.Open()))
	require.Equal(t, []string{"cart", "pay"}, alarming(run), "p95 of cart is not over")
	run.Regressions[0].End = &pipeline.End{As: pipeline.Expected}
	require.Equal(t, []string{"pay"}, alarming(run))
	require.Equal(t, []string{"R1/pay/p95"}, ids(run.Standing()))
	run.Regressions = nil
	require.Empty(t, run.Alarming())
	require.Empty(t, run.Open())
}

func TestStatesOfARegression(t *testing.T) {
	run := found()
	for _, c := range []struct {
		end   pipeline.Ending // none when empty
		marks []pipeline.Mark
		want  pipeline.RegressionState
	}{
		{"", nil, pipeline.RegressionOpen},
		{"", []pipeline.Mark{{Scope: "pay"}}, pipeline.RegressionOpen},
		{"", []pipeline.Mark{{Scope: "cart"}}, pipeline.RegressionAcknowledged},
		{pipeline.Expected, []pipeline.Mark{{}}, pipeline.RegressionAccepted},
		{pipeline.Recovered, []pipeline.Mark{{}}, pipeline.RegressionResolved},
		{pipeline.Worsened, nil, pipeline.RegressionResolved},
		{pipeline.Refuted, nil, pipeline.RegressionResolved},
		{pipeline.Environmental, nil, pipeline.RegressionResolved},
		{pipeline.Fixed, nil, pipeline.RegressionResolved},
		{pipeline.Invalidated, nil, pipeline.RegressionResolved},
	} {
		g := run.Regressions[0]
		if run.Acknowledged = c.marks; c.end != "" {
			g.End = &pipeline.End{As: c.end}
		}
		require.Equal(t, c.want, run.StateOf(g), "%+v", c)
	}
}

func TestWhichAcknowledgementsAreOutlived(t *testing.T) {
	run := found()
	pay, cart, errors, all := pipeline.Mark{Scope: "pay"}, pipeline.Mark{Scope: "cart"}, pipeline.Mark{Scope: "cart", Metric: pipeline.Errors}, pipeline.Mark{}
	run.Acknowledged = []pipeline.Mark{pay, cart, errors, all}
	require.Empty(t, run.Outlived())
	end := &pipeline.End{As: pipeline.Recovered}
	run.Regressions[1].End = end
	require.Equal(t, []pipeline.Mark{errors}, run.Outlived())
	run.Regressions[0].End = end
	require.Equal(t, []pipeline.Mark{cart, errors}, run.Outlived())
	run.Regressions[2].End = end
	require.Equal(t, []pipeline.Mark{pay, cart, errors, all}, run.Outlived())
}
