package bot

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/pipeline"
)

// hostile are texts that come from outside.
var hostile = []string{
	"", " ", "\x00\x1b[31m\r\n\tred", strings.Repeat("a", 200), "👩‍👩‍👧‍👦 🇸🇬 e\u0301", "\u202eevil\u202c", "العربية", "<!channel> <@U1|x> *b* `c`",
	"\xff\xfe", "日本語の名前", "a|b~~~", "\u2028line", "%s%d",
}

func TestTableStandsInColumns(t *testing.T) {
	table := Table{Head: []string{"", "now", "was"}, Rows: [][]string{
		{"日本語", "1 ms", "2 ms"}, {"e\u0301clair", "10 ms", "20 ms"}, {"a\nb\x1b", "3", "4"}, {"short row"}, {"long", "5", "6", "dropped"},
	}}
	require.Equal(t, strings.Join([]string{
		"             now    was",
		"日本語      1 ms   2 ms",
		"e\u0301clair     10 ms  20 ms",
		"a b            3      4",
		"short row",
		"long           5      6",
	}, "\n"), table.String())
	require.Empty(t, Table{}.String())

	endless := strings.Repeat("a", 10_000)
	require.Len(t, strings.Split(Table{Head: []string{"", "now"}, Rows: [][]string{{endless, endless}}}.String(), "\n"), 2)
}

func TestAMessageAsText(t *testing.T) {
	at := time.Date(2026, 11, 23, 20, 4, 0, 0, time.FixedZone("SGT", 8*3600))
	m := Message{
		Title: "title", Body: []Text{{Bold("bold"), {Text: " "}, Code("code"), {Text: " "}, Link("link", "https://example.com")}, {At(at)}},
		Facts:  []Fact{{"Run", Text{ThreadOf("R42")}}, {"Who", Text{Call(pipeline.Person{Name: "dev-sg"})}}},
		Table:  &Table{Head: []string{"a", "b"}, Rows: [][]string{{"c", "d"}}},
		Footer: Plain("footer"),
	}
	require.Equal(t, "title\nbold code link\n23 Nov 12:04 UTC\nRun: R42\nWho: @dev-sg\na  b\nc  d\nfooter", m.String())
	require.Equal(t, "an answer", Message{Body: []Text{Plain("an answer")}}.String())
	require.Empty(t, Message{}.String())
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.001: "<0.01", 0.5: "0.5", 1: "1", 9.876: "9.88", 45.04: "45", 45.67: "45.7", 312.4: "312", 12_345: "12345", -3: "-3",
		math.Inf(1): "–", math.NaN(): "–",
	} {
		require.Equal(t, want, trimmed(v), v)
	}
	require.Equal(t, "12.3 s", Amount(pipeline.P99, 12_345))
	require.Equal(t, "9999 ms", Amount(pipeline.P99, 9_999))
	require.Equal(t, "1 %", Amount(pipeline.Errors, 0.01))
	require.Equal(t, "98.5 %", Amount(pipeline.Throughput, 0.985))
	require.Equal(t, "450 /s", Amount(pipeline.Throughput, 450))
	for fraction, want := range map[float64]string{0.381: "+38 %", -0.3: "−30 %", 0.004: "±0 %", 0: "±0 %", 12: "+1200 %"} {
		require.Equal(t, want, Percent(fraction))
	}
	for d, want := range map[time.Duration]string{0: "less than 1 s", 70 * time.Second: "70 s", 4 * time.Minute: "4 min", 150 * time.Minute: "2.5 h"} {
		require.Equal(t, want, Roughly(d))
	}
}

func TestTellsOfAnyRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		run := anyRun().Draw(t, "run")
		for _, o := range run.Outcomes {
			m.records[o.Result], m.pictures[o.Result] = pipeline.Record{Generator: make([]pipeline.Tick, 3)}, []byte("drawn before")
		}
		b := newBot(m)
		b.RunURL = func(string) string { return "" }
		require.NoError(t, b.Tell(t.Context(), run))
		for id, letter := range m.letters {
			_ = letter.Message.String()
			data, err := json.Marshal(letter.Outgoing)
			require.NoError(t, err, id)
			require.NotRegexp(t, `\b(NaN|Inf)\b.*%`, string(data))
			if letter.Message.Table != nil {
				require.Len(t, strings.Split(letter.Message.Table.String(), "\n"), 1+len(letter.Message.Table.Rows))
			}
		}
	})
}

func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(hostile), rapid.String())
}

func anyRun() *rapid.Generator[pipeline.Run] {
	return rapid.Custom(func(t *rapid.T) pipeline.Run {
		text := func(name string) string { return anyText().Draw(t, name) }
		r := pipeline.Run{
			Rev: 1, ID: text("id"), Environment: text("environment"), Team: rapid.SampledFrom([]string{"", "checkout", "search", "gone"}).Draw(t, "team"),
			Cause:   rapid.SampledFrom([]pipeline.Cause{pipeline.CauseChange, pipeline.CauseRerun, pipeline.CauseFull}).Draw(t, "cause"),
			State:   rapid.SampledFrom([]pipeline.State{pipeline.Waiting, pipeline.Running, pipeline.Done, pipeline.Superseded, pipeline.Cancelled, ""}).Draw(t, "state"),
			Stage:   rapid.SampledFrom([]pipeline.Stage{"", pipeline.StagePrepare, pipeline.StageTest, pipeline.StageJudge, pipeline.StageConfirm, pipeline.StageReport}).Draw(t, "stage"),
			Verdict: anyVerdict().Draw(t, "verdict"), Reason: text("reason"), Output: text("output"), Restored: text("restored"),
			Outcomes: rapid.SliceOfN(anyOutcome(), 0, 7).Draw(t, "outcomes"), Expected: time.Duration(rapid.Int64().Draw(t, "expected")),
			Position: rapid.Int().Draw(t, "position"), Supersedes: rapid.SliceOfN(anyText(), 0, 7).Draw(t, "supersedes"),
			Legs: make([]pipeline.Leg, rapid.IntRange(0, 4).Draw(t, "legs")),
		}
		if rapid.Bool().Draw(t, "changed") {
			kind := rapid.SampledFrom([]pipeline.Kind{pipeline.KindService, pipeline.KindStack, ""}).Draw(t, "kind")
			r.Changes = []pipeline.Change{{Kind: kind, Name: text("name"), Version: text("version"), Title: text("title"), Author: text("author"), URL: text("url")}}
			r.Before = &pipeline.Artefact{Image: text("before")}
		}
		if rapid.Bool().Draw(t, "marked") {
			r.Cancel, r.Acknowledged = &pipeline.Mark{Name: text("by")}, []pipeline.Mark{{Name: text("who"), Scope: text("scope"), Because: text("because")}}
			r.Lapsed = []pipeline.Mark{{Name: text("was"), Scope: rapid.SampledFrom([]string{"", "checkout-flow", "gone\n"}).Draw(t, "its scope"), Until: noon}}
			r.Selection.Only, r.Selection.Of = []string{text("only")}, rapid.IntRange(0, 9).Draw(t, "of")
		}
		r.Regressions = rapid.SliceOfN(anyRegression(), 0, 4).Draw(t, "regressions")
		if rapid.Bool().Draw(t, "triaged") {
			mark := pipeline.Mark{Name: text("who triaged"), Scope: text("what"), Because: text("why")}
			r.Triaged = []pipeline.End{{As: rapid.SampledFrom(pipeline.Triage()).Draw(t, "word"), Mark: &mark}}
			r.Reminded = []pipeline.Mark{{By: text("whose"), Name: text("whose name"), Until: noon}}
		}
		for range rapid.IntRange(0, 7).Draw(t, "selected") {
			r.Selection.Scenarios = append(r.Selection.Scenarios, pipeline.Selected{Scenario: text("scenario"), Path: []string{text("tag")}})
		}
		return r
	})
}

func anyRegression() *rapid.Generator[pipeline.Regression] {
	return rapid.Custom(func(t *rapid.T) pipeline.Regression {
		g := pipeline.Regression{
			Scenario: rapid.SampledFrom([]string{"checkout-flow", "search-page", "日本語\n"}).Draw(t, "scenario"), Group: anyText().Draw(t, "group"),
			Metric: rapid.SampledFrom([]pipeline.Metric{pipeline.P95, pipeline.Errors, ""}).Draw(t, "metric"), Level: rapid.Float64().Draw(t, "level"),
		}
		endings := append(pipeline.Triage(), pipeline.Recovered, pipeline.Worsened, pipeline.Refuted)
		if as := rapid.SampledFrom(append(endings, "")).Draw(t, "ending"); as != "" {
			g.End = &pipeline.End{As: as, At: noon, Run: rapid.SampledFrom([]string{"", "R45", "<R46>"}).Draw(t, "ended by"), Subject: anyText().Draw(t, "subject")}
		}
		return g
	})
}

func anyVerdict() *rapid.Generator[pipeline.Verdict] {
	return rapid.SampledFrom([]pipeline.Verdict{
		"", pipeline.Pass, pipeline.Improved, pipeline.Suspect, pipeline.Regressed, pipeline.Inconclusive, pipeline.Invalid, pipeline.Failed,
	})
}

func anyOutcome() *rapid.Generator[pipeline.Outcome] {
	return rapid.Custom(func(t *rapid.T) pipeline.Outcome {
		return pipeline.Outcome{
			Scenario: rapid.SampledFrom([]string{"checkout-flow", "search-page", "", "日本語\n"}).Draw(t, "scenario"), Verdict: anyVerdict().Draw(t, "verdict"),
			Reason: anyText().Draw(t, "reason"), Result: anyText().Draw(t, "result"), Baseline: rapid.SliceOfN(anyText(), 0, 6).Draw(t, "baseline"),
			Findings: rapid.SliceOfN(anyFinding(), 0, 5).Draw(t, "findings"),
		}
	})
}

func anyFinding() *rapid.Generator[pipeline.Finding] {
	return rapid.Custom(func(t *rapid.T) pipeline.Finding {
		number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), 0.1, 300}))
		f := pipeline.Finding{
			Group:  rapid.SampledFrom([]string{"checkout-flow", "checkout-flow/cart", "", "/"}).Draw(t, "group"),
			Metric: rapid.SampledFrom([]pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.Errors, pipeline.Throughput, ""}).Draw(t, "metric"),
			Now:    number.Draw(t, "now"), Was: number.Draw(t, "was"), Previous: number.Draw(t, "previous"), Ratio: number.Draw(t, "ratio"),
			Low: number.Draw(t, "low"), High: number.Draw(t, "high"), BandLow: number.Draw(t, "band low"), BandHigh: number.Draw(t, "band high"),
			Course: rapid.SampledFrom([]pipeline.Course{
				"", pipeline.CourseNew, pipeline.CourseWorse, pipeline.CourseSame, pipeline.CourseBetter, pipeline.CourseRecovered,
			}).Draw(t, "course"),
			Since: anyText().Draw(t, "since"), SinceSubject: anyText().Draw(t, "since subject"), Level: number.Draw(t, "level"),
			MDE: number.Draw(t, "mde"), Gate: number.Draw(t, "gate"), Verdict: anyVerdict().Draw(t, "verdict"),
			Rule: rapid.SampledFrom([]string{pipeline.RuleHistory, pipeline.RuleNoBaseline, pipeline.RuleGate, pipeline.RuleGateBefore, pipeline.RuleUnconfirmed, pipeline.RuleKnown}).Draw(t, "rule"),
		}
		if rapid.Bool().Draw(t, "confirmed") {
			f.Confirmation = &pipeline.Confirmation{Legs: rapid.IntRange(0, 9).Draw(t, "legs"), Ratio: number.Draw(t, "confirmed ratio"), Now: number.Draw(t, "confirmed now")}
		}
		return f
	})
}
