package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"time"
)

// Scenario is one load script: an engine, a load profile, tags and gates.
type Scenario struct {
	Name     string
	Tags     []string
	Engine   string
	Load     Load
	Targets  []Target
	Data     string // path of a CSV file; empty when there is none
	DataHash string // of the file's content
	Setup    *Command
	Teardown *Command
	Gates    []Gate
	Baseline Policy
}

// Load is how much load, for how long: an open model, in which requests are sent on time however slow the answers are.
type Load struct {
	Stages []LoadStage
	Warmup time.Duration // the first part of the load: recorded, not judged
}

// LoadStage changes the rate evenly from From to To requests per second over its duration.
type LoadStage struct {
	From, To float64
	Over     time.Duration
}

// Duration of the whole load, warm-up included.
func (l Load) Duration() time.Duration {
	var d time.Duration
	for _, s := range l.Stages {
		d += s.Over
	}
	return d
}

// Target is one request of a scenario. {{.name}} in Path, Body and header values is a column of the scenario's data.
type Target struct {
	Name    string
	Weight  int
	Method  string
	Path    string
	Body    string
	Headers map[string]string
	Expect  []int // statuses that are no error; empty means 200 to 399
}

// Expects tells whether a response's status is what the target wants; anything else is an error.
func (t Target) Expects(status int) bool {
	if len(t.Expect) == 0 {
		return status >= 200 && status < 400
	}
	for _, s := range t.Expect {
		if s == status {
			return true
		}
	}
	return false
}

// Gate is an absolute limit.
type Gate struct {
	Metric Metric
	Limit  float64 // milliseconds for latencies, a fraction for errors
}

// Hash identifies what two results must share to be comparable: engine, load profile and every request. Gates, tags,
// set-up and teardown are left out: they do not change what is measured. Of headers that show who asks, the values are left
// out, so that a rotated token costs no history.
func (s Scenario) Hash() string {
	targets := slices.Clone(s.Targets)
	for i := range targets {
		targets[i].Headers = withoutCredentials(targets[i].Headers)
	}
	content, err := json.Marshal([]any{s.Engine, s.Load, targets, s.DataHash})
	if err != nil {
		panic(err) // plain data marshals
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// credential is the name of a header whose value shows who asks: Authorization, Cookie, X-Api-Key, X-Auth-Token and the like.
var credential = regexp.MustCompile(`(?i)authorization|cookie|token|secret|password|credential|api-?key`)

func withoutCredentials(headers map[string]string) map[string]string {
	headers = maps.Clone(headers)
	for name := range headers {
		if credential.MatchString(name) {
			headers[name] = ""
		}
	}
	return headers
}
