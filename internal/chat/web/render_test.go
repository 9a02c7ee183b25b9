package web

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

var renew = flag.Bool("update", false, "write the goldens anew")

// golden compares what people are shown with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *renew {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got+"\n"), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got+"\n")
}

func TestFragments(t *testing.T) {
	c := newChat()
	root := tell(t, c)
	posts, _ := c.snapshot()
	said := post{number: 20, channel: "team-checkout", thread: root, author: "dev-sg", message: bot.Message{Title: "/loadtest ack R4"}, at: posts[0].at}
	nonsense := (&oracle{}).Do(t.Context(), callerOf("dev-sg"), "rerrun").Message
	for name, fragment := range map[string]struct {
		template string
		data     any
	}{
		"announcement.html": {"message", viewOf(post{number: 1, author: botName, message: announcement().Message, at: posts[0].at})},
		"thread.html":       {"thread", threadsOf(posts, "team-checkout")[2]},
		"said.html":         {"message", viewOf(said)},
		"private.html":      {"private", private{view: viewOf(post{author: botName, message: nonsense}), Words: "/loadtest rerrun"}},
	} {
		t.Run(name, func(t *testing.T) {
			html, err := render(fragment.template, fragment.data)
			require.NoError(t, err)
			golden(t, name, html)
		})
	}
}

// Everything in a message comes from outside: a commit's title may hold anything.
func TestHostileTextStaysText(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>"'</script>`
	hostile := post{number: 1, author: evil, links: map[string]string{evil: `"onclick="x`}, picture: picture{png: []byte{1}}, message: bot.Message{
		Title: evil, Mood: bot.Mood(evil), Footer: bot.Plain(evil), Picture: &bot.Picture{Alt: evil},
		Body:    []bot.Text{{{Text: evil, Bold: true}, {Text: evil, Code: true}, bot.Link(evil, "javascript:alert(1)"), {Text: evil, Thread: evil}, {Text: evil, Person: &bot.Mention{Web: evil}}}},
		Facts:   []bot.Fact{{Name: evil, Value: bot.Plain(evil)}},
		Table:   &bot.Table{Head: []string{evil}, Rows: [][]string{{evil}}},
		Actions: []bot.Action{{Label: evil, Command: evil}, {Label: evil, URL: "javascript:alert(1)"}},
	}}
	for _, fragment := range []struct {
		template string
		data     any
	}{{"message", viewOf(hostile)}, {"thread", thread{viewOf(hostile), []view{viewOf(hostile)}}}, {"private", private{viewOf(hostile), evil}}, {"form", formView{hostileForm(evil)}}} {
		html, err := render(fragment.template, fragment.data)
		require.NoError(t, err)
		require.NotContains(t, html, "<img src=x")
		require.NotContains(t, html, "</script>")
		require.NotContains(t, html, "javascript:")
		require.NotRegexp(t, `<[^>]*\s(onerror|onclick)\s*=`, regexp.MustCompile(`"[^"]*"`).ReplaceAllString(html, ""))
	}
}

func hostileForm(evil string) bot.Form {
	options := []bot.Option{{Label: evil, Value: evil}}
	return bot.Form{Title: evil, Command: evil, Send: evil, Body: []bot.Text{{bot.Link(evil, "javascript:alert(1)")}}, Fields: []bot.Field{
		{Word: evil, Label: evil, Hint: evil, Preset: []string{evil}},
		{Word: evil, Label: evil, Hint: evil, Options: options, Preset: []string{evil}},
		{Word: evil, Label: evil, Hint: evil, Options: options, Several: true},
	}}
}

func TestMoodOfAFoldedThread(t *testing.T) {
	reply := func(m bot.Mood) view { return view{Message: bot.Message{Mood: m}} }
	require.Equal(t, bot.Mood("regressed"), thread{Replies: []view{reply("suspect"), reply("regressed"), reply("")}}.Mood())
	require.Equal(t, bot.MoodNone, thread{Root: reply("pass")}.Mood())
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"dev-sg": "DS", "Ülkü Öz Ay": "ÜÖ", "mia": "M", "—": ""} {
		require.Equal(t, want, initials(name), name)
	}
}

// Text has a contrast of 4.5 or more on everything it stands on, by day and by night (WCAG 2.2, 1.4.3).
func TestColoursHaveContrast(t *testing.T) {
	css, err := files.ReadFile("assets/page.css")
	require.NoError(t, err)
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(css), -1)
	require.Len(t, schemes, 2)
	grounds := []string{"page", "side", "raised", "hover", "accent-soft", "grey-soft"}
	pairs := map[string][]string{"text": grounds, "muted": grounds, "accent": grounds, "on-accent": {"accent"}}
	for _, mood := range []string{"green", "sky", "amber", "vermilion", "purple", "grey"} {
		pairs[mood] = []string{mood + "-soft"}
	}
	pairs["vermilion"] = append(pairs["vermilion"], "page", "raised") // what went wrong
	for _, scheme := range schemes {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([\w-]+): #(\w{6})`).FindAllStringSubmatch(scheme[1], -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for text, grounds := range pairs {
			for _, ground := range grounds {
				a, b := colours[text], colours[ground]
				require.GreaterOrEqual(t, (max(a, b)+0.05)/(min(a, b)+0.05), 4.5, "%s on %s", text, ground)
			}
		}
	}
}

// luminance is the relative luminance of rrggbb (WCAG 2.2).
func luminance(t *testing.T, hex string) float64 {
	rgb, err := strconv.ParseUint(hex, 16, 32)
	require.NoError(t, err)
	linear := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}
