package web

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/commands"
)

var screenshots = flag.String("screenshots", "", "a folder to put screenshots of the page into")

// tab is a page of a real browser.
type tab struct {
	*testing.T
	ctx context.Context
}

// chromium opens a tab in a browser with a profile of its own. Without one the test is left out, or fails where CI=true.
func chromium(t *testing.T) tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs chromium for the tests of the chat page: apt-get install chromium")
		}
		t.Skip("chromium is not installed, so the chat page is not tested in it: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Env("TZ=Asia/Singapore"))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(allocator)
	t.Cleanup(cancelTab)
	require.NoError(t, chromedp.Do(ctx), "start chromium")
	return tab{t, ctx}
}

func (b tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 15*time.Second)
	defer cancel()
	require.NoError(b, chromedp.Do(ctx, steps...), what)
}

// in is the same tab within a subtest.
func (b tab) in(t *testing.T) tab { return tab{t, b.ctx} }

func (b tab) click(selector string) {
	b.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// sees waits until a condition, in the page's own language, is true.
func (b tab) sees(condition string) {
	b.Helper()
	require.Eventually(b, func() bool {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		return err == nil && is
	}, 10*time.Second, 30*time.Millisecond, condition)
}

// text is a condition: what a selector finds contains it.
func text(selector, part string) string {
	return `[...document.querySelectorAll('` + selector + `')].some(e => e.textContent.includes('` + part + `'))`
}

// serve the chat of a room.
func serve(t *testing.T, c *Chat, r Room) *httptest.Server {
	s := httptest.NewServer(c.Handler(r))
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections) // first: streams end only with their readers
	return s
}

func TestPageInChromium(t *testing.T) {
	b := chromium(t)
	c, desk := newChat(), &oracle{}
	root := tell(t, c)
	played := make(chan string, 1)
	r := room(desk)
	r.Play = func(_ context.Context, key string) error { played <- key; return nil }
	s := serve(t, c, r)
	b.do("open the page", chromedp.EmulateViewport(1280, 800), chromedp.Navigate(s.URL+"/?channel=team-checkout"))
	b.sees(`document.querySelector("#live.on")`)

	t.Run("shows threads with their tables and pictures, in the reader's zone", func(t *testing.T) {
		b := b.in(t)
		b.sees(text("#"+root+" > .message .title", "p95 +41 %"))
		b.sees(text("#"+root+" .list table td", "257 ms"))
		b.sees(`document.querySelector("#` + root + ` img").naturalWidth === 1000`)
		b.sees(text("#"+root+" .footer time", "6:30")) // 22:30 UTC, the day before
		b.sees(`document.querySelector("#` + root + ` .mention.me")`)
		b.look("channel")
		b.do("follow a link to the thread", chromedp.Evaluate[chromedp.Void](`location.hash = "`+root+`"`))
		b.look("thread")
	})
	t.Run("a channel opens without a reload and is read then", func(t *testing.T) {
		b := b.in(t)
		b.do("mark the page", chromedp.Evaluate[chromedp.Void](`window.same = true`))
		b.sees(text(`a[data-channel="team-search"] .unread`, "11"))
		b.click(`a[data-channel="team-search"]`)
		b.sees(`window.same && location.search === "?channel=team-search" && ` + text(".feed:not([hidden]) .title", "search v1"))
		b.sees(`document.querySelector('a[data-channel="team-search"] .unread').hidden`)
		b.look("moods")
		b.click(`a[data-channel="team-checkout"]`)
	})
	t.Run("a new message and an edit appear by themselves", func(t *testing.T) {
		b := b.in(t)
		o := bot.Outgoing{ID: "R9/root", Channel: in("team-checkout"), Run: "R9", Message: bot.Message{Title: "checkout v44 waits", Mood: bot.MoodWaiting}}
		ref := c.mustPost(t, o)
		b.sees(text("#"+ref+" .title", "checkout v44 waits"))
		b.do("fold the thread", chromedp.Evaluate[chromedp.Void](`document.querySelector("#`+ref+` details").open = false`))
		reply := bot.Outgoing{ID: "R9/why", Root: "R9/root", Thread: ref, Channel: in("team-checkout"), Message: bot.Message{Title: "its image is not there yet"}}
		c.mustPost(t, reply)
		b.sees(text("#"+ref+" summary", "1 reply"))
		o.Message.Title, o.Message.Mood = "checkout v44 passed", "pass"
		require.NoError(t, c.Edit(t.Context(), o, ref))
		b.sees(text("#"+ref+" .title", "checkout v44 passed") + ` && !` + text(".title", "checkout v44 waits"))
		b.sees(`window.same && !document.querySelector("#` + ref + ` details").open`)
		b.sees(text("#heard", "its image is not there yet"))
	})
	t.Run("a command is suggested, sent, and answered in the channel", func(t *testing.T) {
		b := b.in(t)
		b.do("type", chromedp.SendKeys(chromedp.CSS("#words"), "/loadtest ac"))
		b.sees(`[...document.querySelectorAll("#hints li:not([hidden])")].length === 1`)
		b.look("hints")
		b.do("take the suggestion and finish", chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("R4"))
		b.sees(`document.querySelector("#words").value === "/loadtest ack R4"`)
		b.do("send", chromedp.KeyEvent(kb.Enter))
		b.sees(text(".feed:not([hidden]) > .thread .said .title", "/loadtest ack R4") + " && " + text(".title", "R4 is acknowledged by dev-sg"))
		require.Equal(t, asked{commands.Caller{Channel: in("team-checkout"), User: "dev-sg", Name: "dev-sg"}, "ack R4"}, desk.last(t))
	})
	t.Run("a button sends its command from its thread", func(t *testing.T) {
		b := b.in(t)
		b.click("#" + root + ` [data-command="rerun R4"]`)
		b.sees(text("#"+root+" .list .title", "R4 is tested again"))
		require.Equal(t, "R4", desk.last(t).by.Run)
	})
	t.Run("a private reply is the speaker's alone", func(t *testing.T) {
		b := b.in(t)
		b.click("#" + root + " .reply")
		b.do("speak as somebody else", chromedp.SetValue(chromedp.CSS("#as"), "ops-london"))
		b.do("type nonsense", chromedp.SendKeys(chromedp.CSS("#words"), "rerrun\r"))
		b.sees(text("#"+root+" .private", "Did you mean /loadtest rerun?"))
		require.Equal(t, asked{commands.Caller{Channel: in("team-checkout"), User: "ops-london", Name: "ops-london", Run: "R4"}, "rerrun"}, desk.last(t))
		posts, _ := c.snapshot()
		for _, p := range posts {
			require.NotContains(t, p.message.String(), "rerrun")
		}
		b.look("private")
		b.click(".private .dismiss")
		b.sees(`!document.querySelector(".private")`)
	})
	t.Run("what a command sets off stands below its words", func(t *testing.T) {
		b := b.in(t)
		desk.rerun = func() {
			ref := c.mustPost(t, bot.Outgoing{ID: "R11/root", Channel: in("team-checkout"), Message: bot.Message{Title: "v42 once more"}})
			b.sees(text("#"+ref+" .title", "v42 once more"))
		}
		b.do("leave the thread and rerun", chromedp.Click(chromedp.CSS("#scope button")), chromedp.SendKeys(chromedp.CSS("#words"), "rerun R2\r"))
		b.sees(`[...document.querySelectorAll(".feed:not([hidden]) > .thread > .message .title")].slice(-3).map(e => e.textContent).join() === "/loadtest rerun R2,v42 once more,R2 is tested again"`)
	})
	t.Run("an event of the demo is sent", func(t *testing.T) {
		b := b.in(t)
		b.click(`[data-scene="checkout"]`)
		b.sees(text(`[data-scene="checkout"] em`, "Sent"))
		require.Equal(t, "checkout", <-played)
	})
	t.Run("a picture is enlarged", func(t *testing.T) {
		b := b.in(t)
		b.click("#" + root + " .picture")
		b.sees(`document.querySelector("#enlarged[open] img").naturalWidth === 1000`)
		b.look("enlarged")
		b.do("close it", chromedp.KeyEvent(kb.Escape))
		b.sees(`!document.querySelector("#enlarged[open]")`)
	})
	t.Run("what was said while the stream was broken is not lost", func(t *testing.T) {
		b := b.in(t)
		s.CloseClientConnections()
		ref := c.mustPost(t, bot.Outgoing{ID: "R10/root", Channel: in("infrastructure"), Message: bot.Message{Title: "orders database resized"}})
		b.sees(text("#"+ref+" .title", "orders database resized"))
		b.sees(text(`a[data-channel="infrastructure"] .unread`, "1") + " && window.same")
	})
	t.Run("on a phone the columns are drawers and nothing sticks out", func(t *testing.T) {
		b := b.in(t)
		b.do("shrink", chromedp.EmulateViewport(390, 844))
		b.sees(`document.documentElement.scrollWidth <= 390 && document.querySelector("main").scrollWidth <= 390`)
		b.click(".menu")
		b.sees(`document.querySelector("#channels:popover-open")`)
		b.look("drawer")
		b.click(`a[data-channel="infrastructure"]`)
		b.sees(`!document.querySelector("#channels:popover-open") && ` + text("#channel", "infrastructure"))
		b.click(".events")
		b.look("events")
	})
}

// look takes pictures of the page for a person to judge.
func (b tab) look(name string) {
	if *screenshots == "" {
		return
	}
	was, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]int64](`[innerWidth, innerHeight]`))
	require.NoError(b, err)
	defer func() { b.do("set the scene back", chromedp.EmulateViewport(was[0], was[1]), prefers("light")) }()
	for _, scheme := range []string{"light", "dark"} {
		for _, size := range []struct {
			name          string
			width, height int64
		}{{"desktop", 1280, 800}, {"phone", 390, 844}} {
			b.do("set the scene", chromedp.EmulateViewport(size.width, size.height), prefers(scheme))
			shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			require.NoError(b, err)
			require.NoError(b, os.WriteFile(filepath.Join(*screenshots, name+"-"+scheme+"-"+size.name+".png"), shot, 0o644))
		}
	}
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
