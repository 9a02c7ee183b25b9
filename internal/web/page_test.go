package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeaders(t *testing.T) {
	p := pages(t, shelved(regressed()))
	for name, link := range map[string]string{
		"page": p.RunURL("R42"), "chart": p.signed("charts", "R42", "checkout-flow.svg"), "refused": "/runs/R42", "unknown": "/runs/",
	} {
		h := p.get(link).Header()
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), name)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), name)
		require.Equal(t, "noindex", h.Get("X-Robots-Tag"), name)
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", name)
		require.Contains(t, h.Get("Cache-Control"), "private", name)
	}
}

func TestPolicyAllowsWhatThePageHas(t *testing.T) {
	p := pages(t, shelved(regressed()))
	answer := p.get(p.RunURL("R42"))
	policy, page := answer.Header().Get("Content-Security-Policy"), answer.Body.String()
	require.NotContains(t, policy, "unsafe")
	for directive, tag := range map[string]string{"style-src": "style", "script-src": "script"} {
		_, rest, found := strings.Cut(page, "<"+tag+">")
		require.True(t, found, tag)
		content, _, _ := strings.Cut(rest, "</"+tag+">")
		require.Contains(t, policy, directive+" "+source(content)+";")
		require.Equal(t, 1, strings.Count(page, "<"+tag), tag)
	}
	require.NotContains(t, page, " style=", "the policy does not allow it")
}

func TestHostileStringsStayText(t *testing.T) {
	const hostile = `</title></style><script>alert(1)</script>"><img src=x onerror=alert(1)>`
	run := regressed()
	run.Environment, run.Reason, run.Output, run.By = hostile, hostile, hostile, hostile
	run.Changes[0].Title, run.Changes[0].Author, run.Changes[0].Version = hostile, hostile, hostile
	run.Selection.Scenarios[0].Path[0], run.Outcomes[0].Reason = hostile, hostile
	run.Acknowledged[0].Name, run.Acknowledged[0].Because = hostile, hostile
	run.Outcomes[0].Findings[5].Group = run.Outcomes[0].Scenario + "/" + hostile
	run.Outcomes[0].Baseline, run.Acknowledged[0].Scope = []string{hostile, "../R1"}, hostile
	p := pages(t, shelved(run))
	answer := p.get(p.RunURL("R42"))
	require.Equal(t, http.StatusOK, answer.Code)
	require.NotContains(t, answer.Body.String(), "<script>alert")
	require.NotContains(t, answer.Body.String(), "<img src=x")
	require.Contains(t, answer.Body.String(), "&lt;script&gt;alert(1)")
	svg := p.get(p.signed("charts", "R42", "checkout-flow.svg"))
	require.NotContains(t, svg.Body.String(), "<script")
}
