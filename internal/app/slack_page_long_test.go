//go:build long

package app

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/pipeline"
)

// TestLongSlackPage is what a member of the team sees and does in a browser, on a page of Slack's that others wrote.
func TestLongSlackPage(t *testing.T) {
	r := newReader(t)
	s := newSite(t, miniredis.RunT(t).Addr())
	s.speakSlack(t)
	s.serve(t)
	until(t, pipeline.Pass, func(int) intake.RunStatus { return s.test(t, "1.0.0") })
	s.baselineGrows(t)
	slow := s.slowVersionRegresses(t)
	r.do("open the page", chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(s.slack.URL))

	r.sees(slackButton("replies"))
	r.do("open the thread", chromedp.Click(chromedp.JSPath(slackButton("replies"))))
	r.sees(`document.querySelector('img[src*="` + slow.ID + `-slack-"]')?.naturalWidth === 1000`)
	r.asSlackDraws()
	r.picture("slack-thread", 1280, 1000)

	r.do("press the button", chromedp.Click(chromedp.JSPath(slackButton("Acknowledge"))))
	r.sees(shown("*", "Acknowledge "+slow.ID))
	r.sees(`document.querySelector("input[type=date]")`)
	r.do("say why", chromedp.SendKeys(chromedp.JSPath(`document.querySelector("input[type=date]").parentElement.parentElement.querySelector("input:not([type=date]), textarea")`), "the cache is cold"))
	r.picture("slack-modal", 1280, 1000)
	r.do("put the window away", chromedp.Click(chromedp.JSPath(slackButton("Cancel"))))
	r.sees(`!document.querySelector("input[type=date]")`)
	r.do("look at the Home tab", chromedp.Click(chromedp.JSPath(slackButton("🏠"))))
	r.sees(shown(".home", "Open for checkout") + " && " + shown(".home", slow.ID))
	r.asSlackDraws()
	r.picture("slack-home", 1280, 420)
	require.Contains(t, r.reads(`document.querySelector(".home").textContent`), "Acknowledge "+slow.ID)
}

// slackButton is an expression: the last button that says so.
func slackButton(label string) string {
	return `[...document.querySelectorAll("button")].findLast(e => e.textContent.includes("` + label + `"))`
}

// asSlackDraws mends what local-slack draws otherwise than Slack: dates, which it shows as they were sent, and escapes.
func (r reader) asSlackDraws() {
	r.t.Helper()
	r.do("draw as slack does", chromedp.Evaluate[chromedp.Void](`(() => {
		const all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		const date = at => new Date(at * 1000).toLocaleString("en", {month: "short", day: "numeric", hour: "numeric", minute: "2-digit"});
		while (all.nextNode()) all.currentNode.data = all.currentNode.data
			.replace(/<!date\^(\d+)\^[^>]*>/g, (_, at) => date(at)).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
	})()`))
}
