package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/commands"
)

func TestPostEditAndFind(t *testing.T) {
	c, ctx := newChat(), t.Context()
	o := announcement()
	ref := c.mustPost(t, o)
	posts, _ := c.snapshot()
	posted := posts[0].at

	found, err := c.Find(ctx, o, posted)
	require.NoError(t, err)
	require.Equal(t, ref, found)
	found, err = c.Find(ctx, o, posted.Add(time.Second))
	require.NoError(t, err)
	require.Empty(t, found, "posted before since")
	found, err = c.Find(ctx, bot.Outgoing{ID: o.ID, Channel: in("team-search")}, posted)
	require.NoError(t, err)
	require.Empty(t, found, "another channel")

	require.NoError(t, c.Edit(ctx, regressed(), ref))
	after, _ := c.snapshot()
	require.Len(t, after, 1)
	require.Equal(t, regressed().Message, after[0].message)
	require.Equal(t, posted, after[0].at)
	require.True(t, after[0].updated.After(posted))
	require.Equal(t, o.Message, posts[0].message, "a snapshot does not change")
}

func TestEditKeepsThePicture(t *testing.T) {
	c := newChat()
	root := c.mustPost(t, announcement())
	o := chart(t, root)
	ref := c.mustPost(t, o)
	o.Picture, o.Message.Title = nil, "the same picture"
	require.NoError(t, c.Edit(t.Context(), o, ref))
	posts, _ := c.snapshot()
	require.Equal(t, 1000, posts[1].picture.width)
	require.Equal(t, "the same picture", posts[1].message.Title)
}

// Ids start anew after a restart: m1 is then somebody else's message.
func TestRefsOfAnEarlierProcessAreRefused(t *testing.T) {
	c, ctx := newChat(), t.Context()
	ref := c.mustPost(t, announcement())
	var refused *bot.Refused
	require.ErrorAs(t, c.Edit(ctx, bot.Outgoing{ID: "R1/root", Channel: in("team-checkout")}, ref), &refused)
	require.ErrorContains(t, refused, "forgets its messages when Bellwether restarts")
	_, err := c.Post(ctx, bot.Outgoing{ID: "R1/results", Root: "R1/root", Thread: ref, Channel: in("team-checkout")})
	require.ErrorAs(t, err, &refused)
	require.ErrorAs(t, c.Edit(ctx, announcement(), "m99"), &refused)
}

func TestAPictureMustBeAPNG(t *testing.T) {
	var refused *bot.Refused
	_, err := newChat().Post(t.Context(), bot.Outgoing{ID: "x", Channel: in("team-checkout"), Picture: []byte("GIF89a")})
	require.ErrorAs(t, err, &refused)
}

func TestTranscript(t *testing.T) {
	c, dir := newChat(), t.TempDir()
	root := c.mustPost(t, announcement())
	require.NoError(t, c.Edit(t.Context(), regressed(), root))
	c.mustPost(t, chart(t, root))
	at, ok := c.take("team-checkout", root)
	require.True(t, ok)
	require.NoError(t, c.answered(at, "dev-sg", "/loadtest ack R4", commands.Reply{Message: bot.Message{Title: "R4 is acknowledged"}}))

	require.NoError(t, c.WriteTranscript(dir))
	data, err := os.ReadFile(filepath.Join(dir, "transcript.json"))
	require.NoError(t, err)
	text, err := json.Marshal(regressed().Message.String())
	require.NoError(t, err)
	require.JSONEq(t, `{"messages": [
		{"at": "2026-11-23T07:02:00Z", "channel": "team-checkout", "thread": "", "id": "m1", "author": "Bellwether", "text": `+string(text)+`,
		 "updated": "2026-11-23T07:03:00Z", "images": [], "actions": ["Acknowledge", "Rerun", "Report"]},
		{"at": "2026-11-23T07:04:00Z", "channel": "team-checkout", "thread": "m1", "id": "m2", "author": "Bellwether", "text": "checkout-flow: latency over time",
		 "updated": null, "images": ["images/m2.png"], "actions": []},
		{"at": "2026-11-23T07:05:00Z", "channel": "team-checkout", "thread": "m1", "id": "m3", "author": "dev-sg", "text": "/loadtest ack R4",
		 "updated": null, "images": [], "actions": []},
		{"at": "2026-11-23T07:06:00Z", "channel": "team-checkout", "thread": "m1", "id": "m4", "author": "Bellwether", "text": "R4 is acknowledged",
		 "updated": null, "images": [], "actions": []}
	]}`, string(data))
	image, err := os.ReadFile(filepath.Join(dir, "images", "m2.png"))
	require.NoError(t, err)
	require.Equal(t, drawing(t), image)
}

func TestTranscriptOfNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, newChat().WriteTranscript(dir))
	data, err := os.ReadFile(filepath.Join(dir, "transcript.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"messages": []}`, string(data))
}

// What a command sets off stands below the words that asked for it.
func TestWordsStandAboveWhatTheySetOff(t *testing.T) {
	c := newChat()
	at, ok := c.take("team-checkout", "")
	require.True(t, ok)
	c.mustPost(t, announcement())
	require.NoError(t, c.answered(at, "dev-sg", "/loadtest rerun R3", commands.Reply{Message: bot.Message{Title: "R4 is on its way"}}))
	posts, _ := c.snapshot()
	var titles []string
	for _, p := range posts {
		titles = append(titles, p.message.Title)
	}
	require.Equal(t, []string{"/loadtest rerun R3", "checkout v43 is being tested", "R4 is on its way"}, titles)
}
