package web

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"bellwether/bot"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// shelf is a store in memory; err is what it answers when it is broken.
type shelf struct {
	runs     map[string]pipeline.Run
	records  map[string]pipeline.Record
	pictures map[string][]byte
	counted  []pipeline.Result
	loadErr  error
	readErr  error
	loads    int
}

func (s *shelf) load(_ context.Context, id string) (pipeline.Run, error) {
	s.loads++
	if s.loadErr != nil {
		return pipeline.Run{}, s.loadErr
	}
	run, ok := s.runs[id]
	if !ok {
		return pipeline.Run{}, fmt.Errorf("run %s: %w", id, bot.ErrNotFound)
	}
	return run, nil
}

func (s *shelf) record(_ context.Context, id string) (pipeline.Record, error) {
	if s.readErr != nil {
		return pipeline.Record{}, s.readErr
	}
	record, ok := s.records[id]
	if !ok {
		return pipeline.Record{}, fmt.Errorf("record %s: %w", id, bot.ErrNotFound)
	}
	return record, nil
}

func (s *shelf) past(_ context.Context, environment string, scenario pipeline.Scenario) (pipeline.Past, error) {
	return pipeline.Past{Results: slices.DeleteFunc(slices.Clone(s.counted), func(r pipeline.Result) bool {
		return r.Environment != environment || r.Scenario != scenario.Name
	})}, s.readErr
}

func (s *shelf) picture(_ context.Context, key string) ([]byte, error) {
	s.loads++
	if s.readErr != nil {
		return nil, s.readErr
	}
	png, ok := s.pictures[key]
	if !ok {
		return nil, fmt.Errorf("picture %s: %w", key, bot.ErrNotFound)
	}
	return png, nil
}

func shelved(runs ...pipeline.Run) *shelf {
	s := &shelf{runs: map[string]pipeline.Run{}, records: map[string]pipeline.Record{}, pictures: map[string][]byte{}}
	for _, run := range runs {
		s.runs[run.ID] = run
		for _, o := range run.Outcomes {
			s.records[o.Result] = measurement(90, o.Findings[1].Ratio)
		}
	}
	return s
}

func pages(t *testing.T, s *shelf) *Pages {
	return &Pages{
		PublicURL: "https://bellwether.example.com", Key: []byte("a key for tests"), Now: func() time.Time { return noon },
		Load: s.load, Record: s.record, Past: s.past, Picture: s.picture, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Catalog: func() *pipeline.Catalog {
			return &pipeline.Catalog{Scenarios: map[string]pipeline.Scenario{
				"checkout-flow": {Name: "checkout-flow", Gates: []pipeline.Gate{{Metric: pipeline.P95, Limit: 400}, {Metric: pipeline.Errors, Limit: 0.01}}},
			}}
		},
	}
}

// ask sends a request for a path of the server.
func (p *Pages) ask(method, target string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	p.Handler().ServeHTTP(answer, httptest.NewRequest(method, target, nil))
	return answer
}

func (p *Pages) get(target string) *httptest.ResponseRecorder { return p.ask(http.MethodGet, target) }

// measurement is a scenario's record: latencies spread as a shop's are, slower by a factor, with a few errors.
func measurement(seconds int, slower float64) pipeline.Record {
	r := pipeline.Record{Start: noon.Add(70 * time.Second), Warmup: 10, Generator: make([]pipeline.Tick, seconds)}
	fine, broken := pipeline.Series{Target: "cart", Class: "2xx"}, pipeline.Series{Target: "pay", Class: "5xx", Failed: true}
	for s := range seconds {
		wave := slower * (1 + 0.07*math.Sin(float64(s)/4) + 0.04*math.Sin(float64(s)*1.9))
		cell := pipeline.Cell{Second: s}
		for i := range 50 {
			z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/50-1)
			cell.Latency = append(cell.Latency, stats.Bin{Value: int64(96_000 * wave * math.Exp(0.52*z)), Count: 1})
		}
		fine.Cells = append(fine.Cells, cell)
		if s%23 == 19 {
			broken.Cells = append(broken.Cells, pipeline.Cell{Second: s, Latency: stats.Histogram{{Value: 90_111, Count: 1}}})
		}
	}
	r.Series = []pipeline.Series{fine, broken}
	return r
}

func few(n int) *int { return &n }

// waiting is a change of checkout whose image is not there yet.
func waiting() pipeline.Run {
	return pipeline.Run{
		ID: "R42", Environment: "load", Cause: pipeline.CauseChange, Team: "checkout", State: pipeline.Waiting,
		Submitted: noon, ImageBy: noon.Add(20 * time.Minute), Expected: 4 * time.Minute, Supersedes: []string{"R41"},
		Changes: []pipeline.Change{{
			Kind: pipeline.KindService, Name: "checkout", Version: "1.5.0", Revision: "6f1d2c3a9b8e7d6c5b4a39281706f5e4d3c2b1a0", Author: "dev-sg",
			Files: few(3), Lines: few(48), Title: "Look the stock up for each order", URL: "https://github.com/innerscale/checkout/pull/431",
		}},
		Selection: pipeline.Selection{
			Touched: []string{"service:checkout"}, Reason: "touches service:checkout",
			Scenarios: []pipeline.Selected{
				{Scenario: "checkout-flow", Path: []string{"service:checkout", "checkout-flow"}},
				{Scenario: "search-page", Path: []string{"service:checkout", "search", "search-page"}},
			},
		},
	}
}

// deployFailed is the same change, which could not be deployed.
func deployFailed() pipeline.Run {
	r := waiting()
	r.State, r.ImageBy, r.Started, r.Finished = pipeline.Done, time.Time{}, noon.Add(5*time.Second), noon.Add(40*time.Second)
	r.Before, r.Restored = &pipeline.Artefact{Version: "1.4.0"}, "restored 1.4.0"
	r.Verdict, r.Reason = pipeline.Failed, "deploy failed with exit code 1"
	r.Output = "deploying checkout 1.5.0 to load\nwaiting for 2 instances\ninstance 1: <unhealthy> connect: connection refused\nrollout gave up after 30 s"
	return r
}

// planned is a stack whose apply broke half-way.
func planned() pipeline.Run {
	r := deployFailed()
	r.Changes = []pipeline.Change{{Kind: pipeline.KindStack, Name: "platform", Version: "2.4.0", Author: "ops-ldn", Title: "A larger orders database"}}
	r.Before, r.Team, r.Reason = nil, "infrastructure", "the apply failed: aws_db_instance.orders: timeout"
	r.Restored, r.Unwell = "a failed apply is not rolled back: the environment may be half changed", "the apply of platform 2.4.0 broke half-way"
	r.Next, r.Output = "terraform -chdir=platform plan", "Error: timeout while waiting for aws_db_instance.orders"
	r.Plan = &pipeline.Plan{
		Resources: []pipeline.Resource{
			{Address: "aws_db_instance.orders", Action: "update", Tags: []string{"db:orders"}},
			{Address: `aws_sns_topic.alarms["<eu>"]`, Action: "create"},
		},
		Outputs: []string{"orders_endpoint"},
	}
	r.Approved = &pipeline.Mark{Name: "ops-ldn", At: noon.Add(3 * time.Second)}
	return r
}

// regressed is the same change once it was found slower in one of two scenarios, and run again since.
func regressed() pipeline.Run {
	r := waiting()
	r.State, r.ImageBy, r.Started, r.Finished = pipeline.Done, time.Time{}, noon.Add(5*time.Second), noon.Add(9*time.Minute)
	r.Before, r.Verdict = &pipeline.Artefact{Version: "1.4.0"}, pipeline.Regressed
	r.Changes[0].Image = "registry.example.com/checkout:1.5.0"
	r.Legs = []pipeline.Leg{{}, {New: true}, {New: true}, {}}
	r.Results = []pipeline.Result{
		{ID: "R42/checkout-flow", Scenario: "checkout-flow", Seconds: 80, Groups: map[string]pipeline.Summary{"": {Requests: 4003}}},
		{ID: "R42/search-page", Scenario: "search-page", Seconds: 80, Groups: map[string]pipeline.Summary{"": {Requests: 4003}}},
	}
	r.Outcomes = []pipeline.Outcome{passed("search-page"), slower("checkout-flow")}
	r.Parent, r.Reruns = "R39", []string{"R43"}
	r.Acknowledged = []pipeline.Mark{{By: "slack:U1", Name: "ops-ldn", At: noon.Add(31 * time.Minute), Because: "the cache arrives on Tuesday"}}
	return r
}

func passed(scenario string) pipeline.Outcome {
	return pipeline.Outcome{
		Scenario: scenario, Verdict: pipeline.Pass, Result: "R42/" + scenario, Baseline: []string{"R40", "R37", "R36", "R31", "R30", "R22"},
		Findings: []pipeline.Finding{
			latency(scenario, pipeline.P50, 96.2, 97.1, pipeline.Pass), latency(scenario, pipeline.P95, 226, 228, pipeline.Pass),
			latency(scenario, pipeline.P99, 301, 299, pipeline.Pass), failures(scenario, 0.0004, 0.0010),
			latency(scenario+"/cart", pipeline.P95, 210, 212, pipeline.Pass), failures(scenario+"/cart", 0, 0),
			latency(scenario+"/pay", pipeline.P95, 246, 251, pipeline.Pass), failures(scenario+"/pay", 0.0008, 0.0021),
		},
	}
}

func slower(scenario string) pipeline.Outcome {
	o := passed(scenario)
	o.Verdict = pipeline.Regressed
	o.Findings[1] = confirmed(latency(scenario, pipeline.P95, 226, 312, pipeline.Regressed), pipeline.RuleHistory)
	o.Findings[1].Gate = 400
	o.Findings[2] = confirmed(latency(scenario, pipeline.P99, 301, 402, pipeline.Pass), pipeline.RuleUnconfirmed)
	o.Findings[4] = confirmed(latency(scenario+"/cart", pipeline.P95, 210, 296, pipeline.Regressed), pipeline.RuleHistory)
	return o
}

// latency is a finding whose baseline's mean is was; all in milliseconds.
func latency(group string, metric pipeline.Metric, was, now float64, verdict pipeline.Verdict) pipeline.Finding {
	ratio := now / was
	return pipeline.Finding{
		Group: group, Metric: metric, Was: was, Now: now, Previous: was * 1.01, Ratio: ratio, Low: ratio * 0.93, High: ratio * 1.08,
		BandLow: was * 0.93, BandHigh: was * 1.08, P: 0.3, MDE: 0.17, Samples: 4003, Verdict: verdict, Rule: pipeline.RuleHistory,
	}
}

func failures(group string, was, now float64) pipeline.Finding {
	return pipeline.Finding{
		Group: group, Metric: pipeline.Errors, Was: was, Now: now, Previous: was, Low: now - was - 0.002, High: now - was + 0.002,
		BandHigh: was * 1.5, P: 0.4, Samples: 4003, Verdict: pipeline.Pass, Rule: pipeline.RuleHistory,
	}
}

// confirmed gives a finding its fresh measurements, and the rule that these led to.
func confirmed(f pipeline.Finding, rule string) pipeline.Finding {
	ratio := f.Ratio * 0.99
	if rule == pipeline.RuleUnconfirmed {
		ratio = 1.02
	}
	f.Rule = rule
	f.Confirmation = &pipeline.Confirmation{Legs: 4, Was: f.Was, Now: f.Was * ratio, Ratio: ratio, Low: ratio * 0.95, High: ratio * 1.06, P: 0.0001}
	return f
}
