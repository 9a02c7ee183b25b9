package bot

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestReproduce(t *testing.T) {
	for want, baseline := range map[string][]string{
		"": nil,
		"bellwether compare --baseline=checkout-flow-R40.json.gz checkout-flow-R42.json.gz":       {"R40"},
		"bellwether compare --baseline=checkout-flow-{R40,R37}.json.gz checkout-flow-R42.json.gz": {"R40", "R37"},
	} {
		require.Equal(t, want, Reproduce("R42", pipeline.Outcome{Scenario: "checkout-flow", Baseline: baseline}))
	}
}

// Whatever the names are, a shell starts nothing else, and gives every baseline its flag.
func TestAShellTakesReproduceForWhatItIs(t *testing.T) {
	const shell = "bash"
	if _, err := exec.LookPath(shell); err != nil {
		t.Skip("no " + shell + " here to ask")
	}
	hostile := "--json;`touch x`$(touch x)|&>\n'\"*?{a,b}~é"
	command := Reproduce("R42", pipeline.Outcome{Scenario: hostile, Baseline: []string{"R40", hostile, "R36"}})
	rest, found := strings.CutPrefix(command, "bellwether compare ")
	require.True(t, found)
	out, err := exec.CommandContext(t.Context(), shell, "-c", `printf '%s\n' `+rest).Output()
	require.NoError(t, err)
	name := plain(hostile)
	require.Equal(t, []string{
		"--baseline=" + name + "-R40.json.gz", "--baseline=" + name + "-" + name + ".json.gz", "--baseline=" + name + "-R36.json.gz",
		name + "-R42.json.gz",
	}, strings.Fields(string(out)))
	require.NotContains(t, name, "/")
}

func TestReproducerIsOfTheGravestThatWasCompared(t *testing.T) {
	v := voice{Bot: &Bot{RunURL: func(run string) string { return "https://bellwether.example.com/runs/" + run }}, run: pipeline.Run{ID: "R42"}}
	compared := func(scenario string) pipeline.Outcome {
		return pipeline.Outcome{Scenario: scenario, Baseline: []string{"R40"}}
	}
	require.Nil(t, v.reproducer([]pipeline.Outcome{{Scenario: "cart"}}))
	lines := v.reproducer([]pipeline.Outcome{{Scenario: "cart"}, compared("checkout-flow"), compared("search")})
	require.Equal(t, []Text{{
		{Text: "Check it yourself, with the files on "},
		Link("the run's page", "https://bellwether.example.com/runs/R42"),
		{Text: ": "},
		Code("bellwether compare --baseline=checkout-flow-R40.json.gz checkout-flow-R42.json.gz"),
	}}, lines)

	v.RunURL = func(string) string { return "" }
	require.Empty(t, v.reproducer([]pipeline.Outcome{compared("cart")})[0][1].URL)
}
