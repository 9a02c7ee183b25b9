//go:build long

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// The contract's transcript.json.
type (
	transcript struct {
		Messages []line `json:"messages"`
	}
	line struct {
		At      time.Time  `json:"at"`
		Channel string     `json:"channel"`
		Thread  string     `json:"thread"`
		ID      string     `json:"id"`
		Author  string     `json:"author"`
		Text    string     `json:"text"`
		Updated *time.Time `json:"updated"`
		Images  []string   `json:"images"`
		Actions []string   `json:"actions"`
	}
)

// TestLongStory plays the story as "bellwether demo --once" does, and reads what it leaves behind.
func TestLongStory(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bellwether", "demo", "--listen=127.0.0.1:0", "--once", "--out="+dir)
	began := time.Now()
	output, err := cmd.CombinedOutput()
	t.Logf("%.1f s\n%s", time.Since(began).Seconds(), output)
	require.NoError(t, err)
	require.Less(t, time.Since(began), 3*time.Minute)

	read := readTranscript(t, dir)
	t.Run("threads follow their roots, in the order posted", read.inOrder)
	t.Run("nothing is said twice", read.noneTwice)
	t.Run("pictures are there", func(t *testing.T) { read.pictures(t, dir) })
	t.Run("the seven things are in it", read.story)
}

// readTranscript is strict: every key of the contract is there, and no other.
func readTranscript(t *testing.T, dir string) transcript {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "transcript.json"))
	require.NoError(t, err)
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	var read transcript
	require.NoError(t, strict.Decode(&read))
	var loose struct{ Messages []map[string]json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &loose))
	require.NotEmpty(t, loose.Messages)
	for _, m := range loose.Messages {
		for _, key := range []string{"at", "channel", "thread", "id", "author", "text", "updated", "images", "actions"} {
			require.Contains(t, m, key)
			require.True(t, key == "updated" || string(m[key]) != "null", "%s of %s is null", key, m["id"])
		}
	}
	return read
}

func (tr transcript) inOrder(t *testing.T) {
	channel := map[string]string{} // of each root
	var last time.Time
	for _, m := range tr.Messages {
		require.False(t, m.At.Before(last), "%s is out of order", m.ID)
		last = m.At
		require.NotContains(t, channel, m.ID, "an id is given once")
		if m.Thread == "" {
			channel[m.ID] = m.Channel
			continue
		}
		require.Equal(t, channel[m.Thread], m.Channel, "%s hangs on %s", m.ID, m.Thread)
	}
}

// noneTwice: people may type the same command again; Bellwether never repeats itself.
func (tr transcript) noneTwice(t *testing.T) {
	seen := map[string]string{}
	for _, m := range tr.Messages {
		if m.Author != "Bellwether" {
			continue
		}
		key := m.Channel + "\n" + m.Thread + "\n" + m.Text
		require.NotContains(t, seen, key, "%s says what %s said: %s", m.ID, seen[key], m.Text)
		seen[key] = m.ID
	}
}

func (tr transcript) pictures(t *testing.T, dir string) {
	seen := 0
	for _, m := range tr.Messages {
		for _, path := range m.Images {
			file, err := os.Open(filepath.Join(dir, path))
			require.NoError(t, err)
			picture, err := png.Decode(file)
			require.NoError(t, err, path)
			require.LessOrEqual(t, picture.Bounds().Dx(), 1000, path)
			require.NoError(t, file.Close())
			seen++
		}
	}
	require.Greater(t, seen, 10)
}

// story looks for what the issue says, beyond what the demo itself checks.
func (tr transcript) story(t *testing.T) {
	harmless := tr.thread(t, "team-search", "search 2.1.0 passed")
	require.NotEmpty(t, pictured(harmless))

	slower := tr.thread(t, "team-checkout", "checkout 1.5.0 is slower", "Acknowledged by dev-sg")
	require.NotEmpty(t, pictured(slower))
	require.Contains(t, said(slower), "Regression")
	mentions := 0
	for _, m := range tr.Messages {
		mentions += strings.Count(m.Text, "@dev-sg")
	}
	require.Equal(t, 1, mentions, "on-call is called once, for the one regression")

	tr.thread(t, "team-checkout", "checkout 1.5.1", "superseded")
	tr.thread(t, "team-checkout", "checkout 1.5.2 passed")

	database := said(tr.thread(t, "infrastructure", "orders-db", "passed"))
	require.Contains(t, database, "checkout-flow")
	require.Contains(t, database, "billing-invoices")
	require.NotContains(t, database, "search-page")

	refused := tr.thread(t, "infrastructure", "An event was refused")
	require.Contains(t, said(refused), "gadget")

	broken := tr.thread(t, "team-checkout", "checkout 1.6.0")
	require.Contains(t, said(broken), "missing ORDERS_DB_URL")

	require.True(t, slices.ContainsFunc(tr.Messages, func(m line) bool { return m.Author == "dev-syd" && m.Text == "/loadtest rerun search" }))
	again := tr.thread(t, "team-search", "search", "Repeats: ")
	require.NotEmpty(t, pictured(again))
}

// thread is the newest root in a channel that says all the words, and what follows it.
func (tr transcript) thread(t *testing.T, channel string, words ...string) (found []line) {
	t.Helper()
	root := ""
	for _, m := range tr.Messages {
		lacks := func(word string) bool { return !strings.Contains(m.Text, word) }
		if m.Channel == channel && m.Thread == "" && m.Author == "Bellwether" && !slices.ContainsFunc(words, lacks) {
			root = m.ID
		}
	}
	require.NotEmpty(t, root, "no thread in %s says %q", channel, words)
	for _, m := range tr.Messages {
		if m.ID == root || m.Thread == root {
			found = append(found, m)
		}
	}
	return found
}

func said(thread []line) string {
	var texts []string
	for _, m := range thread {
		texts = append(texts, m.Text)
	}
	return strings.Join(texts, "\n")
}

func pictured(thread []line) (pictures []string) {
	for _, m := range thread {
		pictures = append(pictures, m.Images...)
	}
	return pictures
}

// TestLongStoryIsNotCanned stops the shop after the first scene: what needs it must fail from there on.
func TestLongStoryIsNotCanned(t *testing.T) {
	told := &trigger{at: "1/7"}
	p := openPlayground(t, told)
	told.do = func() { require.NoError(t, p.shop.Close()) }
	p.story.Patience = 30 * time.Second
	err := p.story.Play(t.Context())
	t.Log(told.String())
	require.Error(t, err)
	require.NotContains(t, err.Error(), "scene 1,")
	for _, scene := range []string{"scene 2, A slower checkout", "scene 3, ", "scene 4, ", "scene 6, ", "scene 7, "} {
		require.ErrorContains(t, err, scene)
	}
	require.Contains(t, told.String(), "5/7  A malformed event: refused", "Bellwether itself is well")
}

// trigger is a writer that does something when it reads a text.
type trigger struct {
	bytes.Buffer
	at string
	do func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.at)) {
		w.do()
	}
	return w.Buffer.Write(p)
}

// TestLongDemoPage goes on where TestDemoPage stops: with a baseline the slower checkout is found, and looked after.
func TestLongDemoPage(t *testing.T) {
	r := newReader(t)
	p := openPlayground(t, t.Output())
	require.NoError(t, p.story.Prepare(t.Context()))
	r.open(p.url + "/?channel=team-checkout")
	thread := r.sends("slower", "checkout 1.5.0")
	r.sees(thread + `.querySelector(".face.mood-regressed")`)
	r.sees(thread + `.querySelector(".mention")?.textContent === "@dev-sg"`)
	r.sees(thread + `.querySelector(".list img")?.naturalWidth === 1000`)
	r.look("regressed", thread)

	r.click(`.feed:not([hidden]) [data-command^="ack R"]`)
	r.sees(thread + `.textContent.includes("Acknowledged by dev-sg")`)
	r.look("acknowledged", thread)
}

// look takes pictures of the page, and of one thread in it, for a person to judge.
func (r reader) look(name, thread string) {
	if *screenshots == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, view := range []struct {
			name          string
			width, height int64
			scale         float64
			at            string
		}{
			{"desktop", 1280, 800, 1, ""},
			{"phone", 390, 844, 2, ""},
			{"thread", 1000, 1490, 1, ""},
			{"chart", 1280, 800, 1, `.querySelector(".list .scroll")`},
			{"chart-phone", 390, 844, 2, `.querySelector(".list .scroll")`},
		} {
			r.do("set the scene", chromedp.EmulateViewport(view.width, view.height, chromedp.EmulateScale(view.scale)), prefers(scheme),
				chromedp.Evaluate[chromedp.Void](thread+view.at+`.scrollIntoView()`))
			shot, err := chromedp.Run(r.ctx, chromedp.CaptureScreenshot())
			require.NoError(r.t, err)
			require.NoError(r.t, os.WriteFile(filepath.Join(*screenshots, name+"-"+scheme+"-"+view.name+".png"), shot, 0o644))
		}
	}
	r.do("set the scene back", chromedp.EmulateViewport(1280, 800), prefers("light"))
}

// prefers makes the reader one who likes dark pages, or light ones.
func prefers(scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return chromedp.Void{}, err
	}
}
