package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/peers"
)

// onlyAdminsHold environments, and dev-sg is none.
func (s *site) onlyAdminsHold(t *testing.T) {
	t.Helper()
	catalog, err := os.ReadFile(filepath.Join(s.dir, "catalog.yaml"))
	require.NoError(t, err)
	with := strings.Replace(string(catalog), "people:\n", "people:\n  perf-lead: {slack: T0TEAM/U0LEAD}\n", 1)
	s.write(t, "catalog.yaml", with+"roles: {admin: [perf-lead]}\npermissions: {hold: admin}\n")
}

// homeShows the open regression, with a button to acknowledge it.
func (s *site) homeShows(t *testing.T, run intake.RunStatus) {
	s.slack.OpenHome()
	eventually(t, "the Home tab shows "+run.ID, func() bool {
		home, published := s.slack.Home()
		return published && strings.Contains(home.Raw, run.Subject) && strings.Contains(home.Raw, `"ack `+run.ID+`"`)
	})
}

// homeSettles: somebody looks after the regression, so that there is nothing left to press.
func (s *site) homeSettles(t *testing.T, run intake.RunStatus) {
	s.slack.OpenHome()
	eventually(t, "the Home tab tells who looks after "+run.ID, func() bool {
		home, _ := s.slack.Home()
		return strings.Contains(home.Raw, "dev-sg looks after it") && !strings.Contains(home.Raw, `"ack `+run.ID+`"`)
	})
}

// denialIsPrivate: only admins may hold an environment, and others see nothing of who tried.
func (s *site) denialIsPrivate(t *testing.T, run intake.RunStatus) {
	before := s.everybodySees(t)
	s.slack.Say(peers.SlackChannel, s.message(t, run.ID, "root").TS, "<@"+peers.SlackBot+"> hold load because I say so")
	eventually(t, "the asker is told who may", func() bool { return len(s.whispers(t, "Only admins may hold load")) == 1 })
	s.quiet(t)
	require.Equal(t, before, s.everybodySees(t))
}

// everybodySees this of Bellwether in the channel, as it stands now.
func (s *site) everybodySees(t *testing.T) (all []string) {
	t.Helper()
	for _, m := range s.messages(t, peers.SlackChannel) {
		if m.User == peers.SlackBot && m.Ephemeral == "" {
			all = append(all, m.Raw)
		}
	}
	return all
}

// formAcknowledges: the button opens a window, which completes the button's command. It returns the whole of that.
func (s *site) formAcknowledges(t *testing.T, run intake.RunStatus) (command string) {
	root := s.message(t, run.ID, "root")
	s.slack.PressButton(peers.SlackChannel, root.TS, actionOf(t, root, "ack "+run.ID), "ack "+run.ID)
	eventually(t, "a window opens", func() bool { return len(s.slack.Modals()) == 1 })
	require.NotContains(t, s.message(t, run.ID, "root").Text, "Acknowledged", "nothing is done before the form is sent")
	day := time.Now().AddDate(0, 0, 3).Format(time.DateOnly)
	s.slack.Submit(map[string]map[string]any{"until": {"selected_date": day}, "because": {"value": "the cache is cold"}})
	eventually(t, "everybody sees the acknowledgement", func() bool {
		now := s.message(t, run.ID, "root")
		return strings.Contains(now.Text, "Acknowledged by dev-sg") && strings.Contains(now.Text, "until") && strings.Contains(now.Text, "the cache is cold")
	})
	return "ack " + run.ID + " until " + day + " because the cache is cold"
}

// actionOf the button with that value is by which Slack tells a form's button from others.
func actionOf(t *testing.T, m message, value string) string {
	t.Helper()
	for _, button := range regexp.MustCompile(`\{[^{}]*(\{[^{}]*\}[^{}]*)*\}`).FindAllString(m.Raw, -1) {
		var b struct {
			Type, Value string
			ID          string `json:"action_id"`
		}
		if json.Unmarshal([]byte(button), &b) == nil && b.Type == "button" && b.Value == value {
			return b.ID
		}
	}
	require.Fail(t, "no such button", "%s in %s", value, m.Raw)
	return ""
}

// threadNeedsNoName: "ack" in a thread means its run; a reason replaces what was said before, and no word changes nothing.
func (s *site) threadNeedsNoName(t *testing.T, run intake.RunStatus) {
	s.slack.Say(peers.SlackChannel, s.message(t, run.ID, "root").TS, "<@"+peers.SlackBot+"> ack")
	eventually(t, "an answer that only the asker sees", func() bool { return len(s.whispers(t, "because the cache is cold")) == 1 })
	s.slack.Say(peers.SlackChannel, s.message(t, run.ID, "root").TS, "<@"+peers.SlackBot+"> ack because the cache was cold")
	eventually(t, "the reason is another", func() bool {
		now := s.message(t, run.ID, "root")
		return strings.Contains(now.Text, "the cache was cold") && !strings.Contains(now.Text, "the cache is cold")
	})
}

// auditTells of each word and click, and of what became of it, the oldest first.
func (s *site) auditTells(t *testing.T, want ...string) {
	out, code := s.run(t, "audit", "--config", s.config(t), "--json")
	require.Zero(t, code)
	var all []uttered
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	var got []string
	for _, u := range slices.Backward(all) {
		require.Equal(t, "slack "+peers.SlackTeam+"/"+peers.SlackUser+" dev-sg", u.Platform+" "+u.Who+" "+u.Name)
		got = append(got, u.What+": "+u.Result)
	}
	require.Equal(t, want, got)
}
