package web

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

func TestAFormIsDrawnForTheRunOfItsThread(t *testing.T) {
	c, desk := newChat(), &oracle{}
	root := c.mustPost(t, announcement())
	h := c.Handler(room(desk))
	w := ask(t, h, "POST", "/chat/forms", `{"channel":"team-checkout","thread":"`+root+`","as":"dev-sg","text":"ack R4"}`, nil)
	var a answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
	require.False(t, a.Private)
	golden(t, "form.html", a.Form)
	by := callerOf("dev-sg")
	by.Run = "R4"
	require.Equal(t, asked{by, "form: ack R4"}, desk.last(t))
	posts, _ := c.snapshot()
	require.Len(t, posts, 1, "asking is not saying")
}

func TestWhoeverMayNotIsToldInsteadOfAsked(t *testing.T) {
	c := newChat()
	w := ask(t, c.Handler(room(&oracle{})), "POST", "/chat/forms", `{"channel":"team-checkout","as":"dev-sydney","text":"ack R9"}`, nil)
	var a answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
	require.True(t, a.Private)
	require.Empty(t, a.Form)
	require.Equal(t, "You may not: only team-checkout may.", a.Text)
	require.Contains(t, a.HTML, "/loadtest ack R9")
	posts, _ := c.snapshot()
	require.Empty(t, posts)
}

func TestWhatWasFilledInStandsBehindTheCommand(t *testing.T) {
	desk := &oracle{}
	h := newChat().Handler(room(desk))
	for body, want := range map[string]string{
		`{"channel":"team-checkout","as":"dev-sg","text":"ack R4","filled":{"because":["the cache","was cold"],"until":["2026-12-01"],"scope":[""]}}`: "ack R4 until 2026-12-01 because the cache was cold",
		`{"channel":"team-checkout","as":"dev-sg","text":"/loadtest rerun R4","filled":{"only":["checkout-flow","search"]}}`:                          "rerun R4 only checkout-flow search",
		`{"channel":"team-checkout","as":"dev-sg","text":"rerun R4","filled":null}`:                                                                   "rerun R4",
	} {
		require.Equal(t, 200, ask(t, h, "POST", "/chat/commands", body, nil).Code)
		require.Equal(t, want, desk.last(t).text)
	}
}

func TestALinkToARunIsShown(t *testing.T) {
	c, desk := newChat(), &oracle{}
	h := c.Handler(room(desk))
	say := func(text string) string {
		return ask(t, h, "POST", "/chat/commands", `{"channel":"team-checkout","as":"dev-sg","text":"`+text+`"}`, nil).Body.String()
	}
	require.JSONEq(t, `{"private":false}`, say("https://bellwether.example.com/runs/R4"))
	posts, _ := c.snapshot()
	require.Equal(t, []string{"https://bellwether.example.com/runs/R4", "R4: checkout v43 is slower"}, []string{posts[0].message.Title, posts[1].message.Title})
	require.Empty(t, desk.heard, "it is no command")
	for _, words := range []string{"https://elsewhere.example.com", "see https://bellwether.example.com/runs/R4", "ack R4 because https://bellwether.example.com/runs/R4"} {
		say(words)
		require.Equal(t, words, desk.last(t).text)
	}
}

func TestFormsInChromium(t *testing.T) {
	b := chromium(t)
	c, desk := newChat(), &oracle{}
	root := tell(t, c)
	c.mustPost(t, bot.Outgoing{ID: "R8/root", Channel: in("team-checkout"), Run: "R8", Message: bot.Message{
		Title:   "checkout v50 is tested",
		Actions: []bot.Action{{Label: "Rerun", Command: "rerun R8", Form: true}, {Label: "Acknowledge", Command: "ack R9", Form: true}},
	}})
	s := serve(t, c, room(desk))
	b.do("open the page", chromedp.EmulateViewport(1280, 800), chromedp.Navigate(s.URL+"/?channel=team-checkout"))
	b.sees(`document.querySelector("#live.on")`)
	acknowledge := "#" + root + ` [data-command="ack R4"]`

	t.Run("a button asks first, and the keyboard is in the form", func(t *testing.T) {
		b := b.in(t)
		b.do("press it by keyboard", chromedp.Focus(chromedp.CSS(acknowledge)), chromedp.KeyEvent(kb.Enter))
		b.sees(`document.querySelector("#ask[open] h2").textContent === "Acknowledge R4" && document.activeElement.name === "scope"`)
		b.look("form")
		b.do("leave", chromedp.KeyEvent(kb.Escape))
		b.sees(`!document.querySelector("#ask[open]") && document.activeElement.dataset.command === "ack R4"`)
		require.Equal(t, "form: ack R4", desk.last(t).text, "nothing was said")
	})
	t.Run("what is missing is asked for", func(t *testing.T) {
		b := b.in(t)
		b.click(acknowledge)
		b.sees(`document.querySelector("#ask[open]")`)
		b.click("#ask [type=submit]")
		b.sees(`document.querySelector("#ask[open] :invalid[name=because]")`)
		require.Equal(t, "form: ack R4", desk.last(t).text)
	})
	t.Run("what was filled in is said in the thread", func(t *testing.T) {
		b := b.in(t)
		b.do("fill it in", chromedp.SetValue(chromedp.CSS(`#ask [name=scope]`), "search"),
			chromedp.SetValue(chromedp.CSS(`#ask [name=until]`), "2026-12-01"),
			chromedp.SendKeys(chromedp.CSS(`#ask [name=because]`), "the cache was cold\r"))
		b.sees(`!document.querySelector("#ask[open]") && ` + text("#"+root+" .list .said .title", "/loadtest ack R4 scope search until 2026-12-01 because the cache was cold"))
		by := callerOf("dev-sg")
		by.Run = "R4"
		require.Equal(t, asked{by, "ack R4 scope search until 2026-12-01 because the cache was cold"}, desk.last(t))
	})
	t.Run("of several at least one is chosen", func(t *testing.T) {
		b := b.in(t)
		b.click(`[data-command="rerun R8"]`)
		b.sees(`document.querySelector('#ask[open] [value="search"]').checked`)
		b.look("choices")
		b.click(`#ask [value="search"]`)
		b.sees(`document.querySelector("#ask fieldset :invalid")`)
		b.click(`#ask [value="search"]`)
		b.click(`#ask [value="checkout-flow"]`)
		b.click("#ask [type=submit]")
		b.sees(text(".said .title", "/loadtest rerun R8 only checkout-flow search"))
	})
	t.Run("whoever may not is told so, and not asked", func(t *testing.T) {
		b := b.in(t)
		b.click(`[data-command="ack R9"]`)
		b.sees(text(".private", "only team-checkout may") + ` && !document.querySelector("#ask[open]")`)
	})
	t.Run("what cannot be sent is told in the form, which stays", func(t *testing.T) {
		b := b.in(t)
		b.click(acknowledge)
		b.sees(`document.querySelector("#ask[open]")`)
		s.CloseClientConnections()
		s.Close()
		b.do("send", chromedp.SendKeys(chromedp.CSS(`#ask [name=because]`), "it is me\r"))
		b.sees(text("#ask[open] .wrong", "Is it still running?") + ` && !document.querySelector("#ask [type=submit]").disabled`)
		b.look("unsent")
		b.click("#ask [data-cancel]")
		b.sees(`!document.querySelector("#ask[open]")`)
	})
	t.Run("on a phone it fits", func(t *testing.T) {
		b := b.in(t)
		b.do("shrink", chromedp.EmulateViewport(390, 844))
		b.sees(`document.documentElement.scrollWidth <= 390`)
	})
}
