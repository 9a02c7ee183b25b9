package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestWhoIsToldAndAsked(t *testing.T) {
	shop, last := pipeline.Channel{Platform: "slack", ID: "C1"}, pipeline.Channel{Platform: "web", ID: "platform"}
	c := &pipeline.Catalog{
		People: map[string]pipeline.Person{"dev-sg": {Name: "dev-sg"}},
		Teams: map[string]pipeline.Team{
			"shop": {Name: "shop", Channels: []pipeline.Channel{shop}, OnCall: []string{"dev-sg", "dev-ldn"}},
			"find": {Name: "find", OnCall: []string{"gone"}},
			"idle": {Name: "idle"},
		},
		Unowned: []pipeline.Channel{last},
	}
	require.Equal(t, "slack:C1", shop.String())
	require.Equal(t, []pipeline.Channel{shop}, c.Channels("shop"))
	require.Equal(t, []pipeline.Channel{last}, c.Channels("no team"))
	team, ok := c.TeamOf(shop)
	require.True(t, ok)
	require.Equal(t, "shop", team.Name)
	_, ok = c.TeamOf(last)
	require.False(t, ok)
	for team, want := range map[string]string{"shop": "dev-sg", "find": "", "idle": "", "no team": ""} {
		person, ok := c.OnCall(team)
		require.Equal(t, want, person.Name)
		require.Equal(t, want != "", ok, team)
	}
}

func TestSubject(t *testing.T) {
	for want, run := range map[string]pipeline.Run{
		"full suite on load": {Environment: "load"},
		"checkout 1.4":       {Changes: []pipeline.Change{{Name: "checkout", Version: "1.4", Revision: sha}}},
		"checkout":           {Changes: []pipeline.Change{{Name: "checkout"}}},
	} {
		require.Equal(t, want, run.Subject())
	}
}
