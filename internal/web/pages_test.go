package web

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "write the golden files afresh")

func TestPageLooksAsBefore(t *testing.T) {
	for name, run := range map[string]pipeline.Run{
		"waiting": waiting(), "deploy-failed": deployFailed(), "regressed": regressed(), "plan": planned(),
	} {
		t.Run(name, func(t *testing.T) {
			p := pages(t, shelved(run))
			answer := p.get(p.RunURL("R42"))
			require.Equal(t, http.StatusOK, answer.Code)
			require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
			golden := filepath.Join("testdata", name+".html")
			got := strings.NewReplacer(style, "/* page.css */", script, "/* page.js */").Replace(answer.Body.String())
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestOnlyRunsUnderWayRefreshThemselves(t *testing.T) {
	const refresh = `http-equiv="refresh"`
	for state, refreshes := range map[pipeline.State]bool{
		pipeline.Waiting: true, pipeline.Running: true, pipeline.Done: false, pipeline.Superseded: false, pipeline.Cancelled: false,
	} {
		run := waiting()
		run.State = state
		p := pages(t, shelved(run))
		require.Equal(t, refreshes, strings.Contains(p.get(p.RunURL("R42")).Body.String(), refresh), state)
	}
}

func TestPageLinksToOtherPages(t *testing.T) {
	run, s := regressed(), shelved()
	run.Successor = "R44"
	for _, id := range []string{"R22", "R30", "R31", "R36", "R37", "R39", "R40", "R41", "R43", "R44"} {
		s.runs[id] = run // any will do
	}
	s.runs[run.ID] = run
	s.records["R42/checkout-flow"], s.records["R42/search-page"] = measurement(20, 1), measurement(20, 1)
	p := pages(t, s)
	links := linksOf(t, p.get(p.RunURL("R42")).Body.String())
	require.Len(t, links, 4+2*6+2+2*7, "four related runs, two baselines of six, two charts, the measurements of two results and their baselines")
	for _, link := range links {
		require.Equal(t, http.StatusOK, p.get(strings.TrimPrefix(link, "..")).Code, link)
	}
}

// linksOf a page that lead to us; they are relative.
func linksOf(t *testing.T, page string) []string {
	t.Helper()
	var links []string
	reader := xml.NewDecoder(strings.NewReader(page))
	reader.Strict, reader.AutoClose, reader.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := reader.RawToken()
		if errors.Is(err, io.EOF) {
			return links
		}
		require.NoError(t, err)
		element, ok := token.(xml.StartElement)
		if !ok || element.Name.Local != "a" {
			continue
		}
		for _, a := range element.Attr {
			if a.Name.Local == "href" && strings.HasPrefix(a.Value, "../") {
				links = append(links, a.Value)
			}
		}
	}
}

func TestChart(t *testing.T) {
	p := pages(t, shelved(regressed()))
	answer := p.get(p.signed("charts", "R42", "checkout-flow.svg"))
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "image/svg+xml", answer.Header().Get("Content-Type"))
	require.Equal(t, "private, max-age=3600", answer.Header().Get("Cache-Control"))
	require.NoError(t, xml.Unmarshal(answer.Body.Bytes(), new(any)))
	require.Contains(t, answer.Body.String(), "p95 +38 %")
}

func TestChartOfARunUnderWayIsNotKept(t *testing.T) {
	run := regressed()
	run.State = pipeline.Running
	p := pages(t, shelved(run))
	require.Equal(t, "private, no-cache", p.get(p.signed("charts", "R42", "checkout-flow.svg")).Header().Get("Cache-Control"))
}

func TestExpiredRecordLeavesTheNumbers(t *testing.T) {
	s := shelved(regressed())
	delete(s.records, "R42/checkout-flow")
	p := pages(t, s)
	answer := p.get(p.RunURL("R42"))
	require.Equal(t, http.StatusOK, answer.Code)
	page := answer.Body.String()
	require.NotContains(t, page, "/charts/R42/checkout-flow.svg")
	require.Contains(t, page, "has expired: there is no chart any more")
	require.Contains(t, page, "/charts/R42/search-page.svg")
	require.Contains(t, page, `<th scope="row">p95 ms</th>`)
	require.Equal(t, http.StatusNotFound, p.get(p.signed("charts", "R42", "checkout-flow.svg")).Code)
}

func TestNotFound(t *testing.T) {
	p := pages(t, shelved(regressed()))
	for _, link := range []string{
		p.signed("runs", "R99"), p.signed("charts", "R99", "checkout-flow.svg"), p.signed("charts", "R42", "no-such.svg"), "/runs/", "/charts/R42",
	} {
		require.Equal(t, http.StatusNotFound, p.get(link).Code, link)
	}
	require.Contains(t, p.get(p.RunURL("R99")).Body.String(), "Runs are forgotten 90 days after their end.")
}

func TestStoreErrorsKeepTheirDetails(t *testing.T) {
	secret := errors.New("dial redis.internal:6379: connection refused")
	for name, s := range map[string]*shelf{"load": {loadErr: secret}, "record": {runs: shelved(regressed()).runs, readErr: secret}} {
		p := pages(t, s)
		for _, link := range []string{p.signed("runs", "R42"), p.signed("charts", "R42", "checkout-flow.svg")} {
			answer := p.get(link)
			require.Equal(t, http.StatusInternalServerError, answer.Code, name)
			require.NotContains(t, answer.Body.String(), "redis", name)
			require.Contains(t, answer.Body.String(), "Try again in a minute.", name)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	p := pages(t, shelved(regressed()))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		require.Equal(t, http.StatusMethodNotAllowed, p.ask(method, p.RunURL("R42")).Code, method)
	}
	require.Equal(t, http.StatusOK, p.ask(http.MethodHead, p.RunURL("R42")).Code)
}

func TestOnlyWebLinksAreFollowed(t *testing.T) {
	for _, url := range []string{"https://example.com/pull/1", "http://forge.internal:3000/1?a=b#c"} {
		require.Equal(t, url, webLink(url))
	}
	for _, url := range []string{
		"", "javascript:alert(1)", "JavaScript://example.com/%0aalert(1)", "data:text/html,x", "//example.com", "/etc/passwd", "https:", "ftp://example.com",
		"mailto:a@example.com", "https://%zz",
	} {
		require.Empty(t, webLink(url))
	}
	run := waiting()
	run.Changes[0].URL = "javascript:alert(1)"
	p := pages(t, shelved(run))
	page := p.get(p.RunURL("R42")).Body.String()
	require.NotContains(t, page, "alert(1)")
	require.Contains(t, page, "<bdi>Look the stock up for each order</bdi>")
}

func TestPageSays(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*pipeline.Run)
		says   []string
	}{
		"acknowledged in part, and no longer": {
			func(r *pipeline.Run) {
				over := pipeline.Mark{Name: "dev-sg", At: noon.Add(10 * time.Minute), Until: noon.Add(20 * time.Minute), Scope: "checkout-flow", Because: "known"}
				r.Lapsed, r.Acknowledged = []pipeline.Mark{over}, nil
			},
			[]string{"by dev-sg for checkout-flow until 23 Nov 12:20 UTC: known", "<b>Acknowledgement over</b>", "that of dev-sg"},
		},
		"full suite": {
			func(r *pipeline.Run) {
				r.Changes, r.By, r.Selection.Full = nil, "ops-ldn", true
				r.Selection.Reason = "full suite, asked for by ops-ldn"
			},
			[]string{"<p>Nothing.</p>", "Asked for by <bdi>ops-ldn</bdi>.", "<li>search-page</li>"},
		},
		"cancelled": {
			func(r *pipeline.Run) {
				r.State, r.Verdict, r.Outcomes = pipeline.Cancelled, "", nil
				r.Cancel = &pipeline.Mark{Name: "dev-syd", At: noon.Add(time.Minute)}
			},
			[]string{"was cancelled", "by dev-syd", "<b>Cancelled</b>"},
		},
		"a remark that the title does not have": {
			func(r *pipeline.Run) { r.Reason = "the environment was not set back to 1.5.0" },
			[]string{"<p>The environment was not set back to 1.5.0.</p>"},
		},
		"the new version alone was repeated": {
			func(r *pipeline.Run) { r.Legs = []pipeline.Leg{{New: true}, {New: true}} },
			[]string{"<p>Four fresh measurements, of the new version only, confirmed it: p95 &#43;37\u00a0%"},
		},
		"gate": {
			func(r *pipeline.Run) { r.Outcomes[1].Findings[1].Rule = pipeline.RuleGate },
			[]string{"confirmed it: p95 is over the gate of 400\u00a0ms every time"},
		},
		"gate that could not be confirmed": {
			func(r *pipeline.Run) {
				f := &r.Outcomes[1].Findings[1]
				f.Rule, f.Verdict, f.Confirmation = pipeline.RuleGate, pipeline.Suspect, nil
			},
			[]string{"<p>Over its gate of 400\u00a0ms: p95.</p>"},
		},
		"gate broken before": {
			func(r *pipeline.Run) { r.Outcomes[1].Findings[1].Rule = pipeline.RuleGateBefore },
			[]string{"<p>The version before breaks the p95 gate of 400\u00a0ms too.</p>"},
		},
		"what else changed": {
			func(r *pipeline.Run) {
				r.Outcomes[1].AlsoChanged = []string{"orders-db 7 → 8", "search 2.0.0 → 2.1.0"}
			},
			[]string{"Also changed since: orders-db 7 → 8, search 2.0.0 → 2.1.0."},
		},
		"errors": {
			func(r *pipeline.Run) {
				f := failures("checkout-flow", 0.001, 0.03)
				f.Verdict = pipeline.Regressed
				f.Confirmation = &pipeline.Confirmation{Legs: 4, Was: 0.001, Now: 0.028, Ratio: 28, Low: 0.02, High: 0.03}
				r.Outcomes[1].Findings[3] = f
			},
			[]string{"errors 2.8\u00a0%, was 0.1\u00a0%", "&#43;2.90\u00a0pp"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := regressed()
			tc.change(&run)
			p := pages(t, shelved(run))
			page := p.get(p.RunURL("R42")).Body.String()
			for _, s := range tc.says {
				require.Contains(t, page, s)
			}
		})
	}
}

func TestGravestScenarioFirst(t *testing.T) {
	p := pages(t, shelved(regressed()))
	page := p.get(p.RunURL("R42")).Body.String()
	require.Less(t, strings.Index(page, `id="scenario-checkout-flow"`), strings.Index(page, `id="scenario-search-page"`))
}
