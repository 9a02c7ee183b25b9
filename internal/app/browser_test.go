package app

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"bellwether/internal/demo"
)

var screenshots = flag.String("screenshots", "", "a folder to put pictures of pages into")

// playground is a demo in this process, with a real shop, whose story nobody has begun.
type playground struct {
	url   string
	shop  *demo.Shop
	story *demo.Story
}

// openPlayground runs what the command demo runs. The catalog deploys with the copy of this binary that TestMain made.
func openPlayground(t *testing.T, out io.Writer) *playground {
	t.Helper()
	shop, err := demo.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = shop.Close() }) // a test may have closed it
	c := &demoCommand{Listen: "127.0.0.1:0"}
	params, err := c.params(miniredis.RunT(t).Addr(), shop)
	require.NoError(t, err)
	params.Executable, err = exec.LookPath("bellwether")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := c.server(ctx, Process{Out: out, Err: out, Env: os.LookupEnv, Now: time.Now}, t.TempDir(), params)
	require.NoError(t, err)
	s.log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	story := stage(s, params, out)
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		s.close()
	})
	p := &playground{"http://" + params.Listen, shop, story}
	require.Eventually(t, p.answers, 10*time.Second, 20*time.Millisecond, "the server must answer")
	return p
}

func (p *playground) answers() bool {
	response, err := http.Get(p.url + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// reader is somebody who looks at the page in a real browser.
type reader struct {
	t   *testing.T
	ctx context.Context
}

// newReader opens a browser with a profile of its own. Without one the test is left out, or fails where CI=true.
func newReader(t *testing.T, more ...chromedp.ExecAllocatorOption) reader {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs chromium for the tests of pages: apt-get install chromium")
		}
		t.Skip("chromium is not installed, so no page is tested in it: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Env("TZ=Asia/Singapore"))
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(options, more...)...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	require.NoError(t, chromedp.Do(ctx), "start chromium")
	r := reader{t, ctx}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.reads("document.body.innerText"))
		}
	})
	return r
}

func (r reader) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, 15*time.Second)
	defer cancel()
	require.NoError(r.t, chromedp.Do(ctx, steps...), what)
}

func (r reader) open(url string) {
	r.t.Helper()
	r.do("open "+url, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url))
	r.sees(`document.querySelector("#live.on")`)
}

func (r reader) click(selector string) {
	r.t.Helper()
	r.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// says types a line as one of the people, in the channel that is open.
func (r reader) says(person, line string) {
	r.t.Helper()
	r.do("speak as "+person, chromedp.SetValue(chromedp.CSS("#as"), person))
	r.do("type "+line, chromedp.SendKeys(chromedp.CSS("#words"), line+"\r"))
}

// sees waits until a condition, in the page's own language, is true. A run may take its time.
func (r reader) sees(condition string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		is, err := chromedp.Run(r.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		return err == nil && is
	}, 60*time.Second, 50*time.Millisecond, condition)
}

func (r reader) reads(expression string) string {
	r.t.Helper()
	text, err := chromedp.Run(r.ctx, chromedp.Evaluate[string](expression))
	require.NoError(r.t, err)
	return text
}

// picture is taken of what the reader sees, of that size, for the documentation.
func (r reader) picture(name string, width, height int64) {
	r.t.Helper()
	if *screenshots == "" {
		return
	}
	r.do("set the scene", chromedp.EmulateViewport(width, height))
	shot, err := chromedp.Run(r.ctx, chromedp.CaptureScreenshot())
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(filepath.Join(*screenshots, name+".png"), shot, 0o644))
}

// shown is a condition: what a selector finds contains the text.
func shown(selector, text string) string {
	return `[...document.querySelectorAll('` + selector + `')].some(e => e.textContent.includes('` + text + `'))`
}

// threadOf is an expression: the newest thread of the open channel whose title contains the text.
func threadOf(text string) string {
	return `[...document.querySelectorAll(".feed:not([hidden]) > .thread")].findLast(e => e.querySelector(".title").textContent.includes("` + text + `"))`
}

// sends presses a scene of the panel and waits for its end. The thread is an expression. On a busy machine a measurement may
// be disturbed: the page says so, and a visitor sends the scene once more.
func (r reader) sends(scene, title string) (thread string) {
	r.t.Helper()
	thread = threadOf(title)
	for range 3 {
		r.click(`[data-scene="` + scene + `"]`)
		r.sees(shown(`[data-scene="`+scene+`"] em`, "Sent"))
		r.sees(thread)
		r.sees(thread + `.querySelector(".face:is(.mood-pass, .mood-regressed, .mood-suspect, .mood-improved, .mood-inconclusive, .mood-failed, .mood-invalid)")`)
		if r.reads(thread+`.querySelector(".face").className`) != "face mood-invalid" {
			return thread
		}
		r.do("put it away", chromedp.Evaluate[chromedp.Void](thread+`.remove()`))
	}
	require.Fail(r.t, scene+" was disturbed each time")
	return ""
}

// TestDemoPage does what a visitor does in the first minute. There is no baseline yet: see TestLongDemoPage.
func TestDemoPage(t *testing.T) {
	r := newReader(t)
	p := openPlayground(t, t.Output())
	r.open(p.url + "/?channel=team-search")
	r.do("remember the page", chromedp.Evaluate[chromedp.Void](`window.same = true`))

	thread := r.sends("harmless", "search 2.1.0")
	require.Contains(t, r.reads(thread+`.querySelector(".title").textContent`), "search 2.1.0 passed")
	r.sees(thread + `.querySelector(".list table td")`)
	r.sees(thread + `.querySelector(".list img")?.naturalWidth === 1000`)
	r.sees("window.same")

	r.says("dev-syd", "/loadtest status")
	r.sees(shown(".private .title", "What runs and what waits") + " && " + shown(".private", "load: free"))
	r.click(".private .dismiss")
	r.says("dev-syd", "/loadtest rerrun")
	r.sees(shown(".private", `Did you mean "rerun"?`))
	r.sees("!" + shown(".said", "rerrun"))
	r.says("dev-syd", "/loadtest rerun search")
	r.sees(shown(".said .title", "/loadtest rerun search") + " && " + shown(".feed:not([hidden]) .title, .feed:not([hidden]) p", "asked for a rerun"))
}
