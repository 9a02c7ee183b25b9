package app

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/pipeline"
)

// TestTeamsPage is what a member of the team sees and does in a browser, on a page of Teams' that others wrote.
func TestTeamsPage(t *testing.T) {
	t.Parallel()
	c, r := openLesson(t)
	slow := r.followsRegression(c)
	thread := cardsOf(slow.ID)
	require.Regexp(t, `checkout-flow: p\d\d \+`, r.reads(thread+`.querySelector("img").alt`))

	r.putLogAway()
	r.picture("teams-thread", 1280, 1588)
	r.presses(thread, "Acknowledge")
	r.sees(thread + `.querySelector("textarea")`)
	r.do("say why", chromedp.SendKeys(chromedp.JSPath(thread+`.querySelector("textarea")`), "the cache is cold"))
	r.picture("teams-form", 1280, 760)
	r.presses(thread, "Acknowledge") // of the form, in the place of the card
	r.sees(thread + `.textContent.includes("Acknowledged by Dev of Singapore") && ` + thread + `.textContent.includes("the cache is cold")`)
	r.sees("!" + buttonIn(thread, "Acknowledge")) // in the whole thread

	r.mentions(thread, "rerun")
	r.sees(thread + `.textContent.includes("asked for a rerun of ` + slow.ID + `")`)
	r.sees(thread + `.textContent.includes("Repeated as")`)
	rerun := aRun.FindString(r.reads(thread + `.textContent.match(/Repeated as\s*(R[0-9]+)/)?.[1] ?? ""`))
	require.NotEmpty(t, rerun)
	require.Equal(t, pipeline.Done, c.ended(t, rerun).State)
	r.sees(chartIn(cardsOf(rerun)))
}

// openLesson has somebody look at the team's channel before anything was said there: the Playground's page does not show
// what was said before it was opened.
func openLesson(t *testing.T) (*classroom, reader) {
	r := newReader(t, chromedp.IgnoreCertErrors) // the site's certificate is of its own making
	c := openClassroom(t)
	c.serve(t)
	r.do("open the page", chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(c.playground.URL))
	const channel = `[...document.querySelectorAll("[role=treeitem]")].find(e => e.textContent.includes("team-checkout"))`
	r.sees(channel)
	r.do("open the channel", chromedp.Click(chromedp.JSPath(channel)))
	r.sees(shown("button", "Post"))
	c.installs(t)
	return c, r
}

// putLogAway closes the panel beside the channel.
func (r reader) putLogAway() {
	r.t.Helper()
	r.do("put the log away", chromedp.Evaluate[chromedp.Void](`(() => {
		let panel = [...document.querySelectorAll("*")].findLast(e => e.textContent === "Log Panel");
		while (!panel.querySelector("button")) panel = panel.parentElement;
		[...panel.querySelectorAll("button")].at(-1).click();
	})()`))
	r.sees("!" + shown("*", "Log Panel"))
}

// followsRegression sees it announced, and how it ends: with a table and a chart in the thread.
func (r reader) followsRegression(c *classroom) intake.RunStatus {
	r.t.Helper()
	for i := range 3 {
		until(r.t, pipeline.Pass, func(try int) intake.RunStatus { return c.test(r.t, fmt.Sprintf("1.%d.%d", i, try)) })
	}
	slow := until(r.t, pipeline.Regressed, func(try int) intake.RunStatus {
		if try > 0 {
			c.test(r.t, fmt.Sprintf("1.4.%d", try))
		}
		run := c.submit(r.t, fmt.Sprintf("1.5.%d-slow", try))
		r.sees(linked(run) + `.textContent.includes("Running · checkout 1.5.")`)
		return c.ended(r.t, run)
	})
	thread := cardsOf(slow.ID)
	r.sees(chartIn(thread))
	for _, said := range []string{"is slower", "fresh measurements", "band", "please fix it"} {
		r.sees(thread + `.textContent.includes("` + said + `")`)
	}
	return slow
}

// linked is an expression: the thread that begins with a link to the run.
func linked(run string) string {
	return `[...document.querySelectorAll(".fui-Card")].find(e => e.querySelector('a[href*="/runs/"]')?.href.includes("/runs/` + run + `?"))`
}

// cardsOf is an expression: the thread that has the run's chart.
func cardsOf(run string) string {
	return `[...document.querySelectorAll(".fui-Card")].find(e => e.querySelector('img[src*="/pictures/` + run + `/"]'))`
}

// chartIn is a condition: the thread's picture was fetched, and is one.
func chartIn(thread string) string {
	return thread + `?.querySelector('img[src*="/pictures/"]').naturalWidth === 1000`
}

// buttonIn is an expression: the first button of the thread that says so.
func buttonIn(thread, label string) string {
	return `[...` + thread + `.querySelectorAll("button")].find(e => e.textContent === "` + label + `")`
}

func (r reader) presses(thread, label string) {
	r.t.Helper()
	r.do("press "+label, chromedp.Click(chromedp.JSPath(buttonIn(thread, label))))
}

// mentions the bot in the thread, as people do: an @, a choice from the list, the rest.
func (r reader) mentions(thread, words string) {
	r.t.Helper()
	const bot = `document.querySelector("#typeahead-menu [role=menuitem]")`
	box := thread + `.querySelector("[role=textbox][contenteditable]")`
	r.do("begin a mention", chromedp.Click(chromedp.JSPath(box)), chromedp.KeyEvent("@"))
	r.sees(bot + `?.textContent === "Bellwether"`)
	r.do("choose the bot", chromedp.Click(chromedp.JSPath(bot)))
	r.sees(box + `.textContent.trim() === "Bellwether"`)
	r.do("write the rest", chromedp.KeyEvent(" "+words))
	r.do("send it", chromedp.Click(chromedp.JSPath(`[...`+box+`.closest(".fui-CardFooter").querySelectorAll("button")].at(-1)`)))
}
