package pipeline

import "time"

// Regression is one metric of a scenario, or of one of its targets, that got worse: from the run that found it until it is back,
// or until somebody says what it was. It belongs to that run, and so do the acknowledgements of it: a run that finds it worse
// still closes it and has a regression of its own, which nobody looks after yet.
type Regression struct {
	ID          string    `json:"id"` // "R42/checkout-flow/cart/p95": its run, the finding's group and metric
	Run         string    `json:"run"`
	Subject     string    `json:"subject"` // of that run: "checkout 1.5.0"
	Environment string    `json:"environment"`
	Scenario    string    `json:"scenario"`
	Group       string    `json:"group"`
	Metric      Metric    `json:"metric"`
	At          time.Time `json:"at"`            // when its run found it
	Since       string    `json:"since"`         // the run that found it first; Run unless it got worse since
	Was         float64   `json:"was"`           // the baseline's, in the units of a Finding; 0 when only a gate tells
	Found       float64   `json:"found"`         // how bad it was when its run found it
	Level       float64   `json:"level"`         // how bad it is, as far as anybody knows
	MDE         float64   `json:"mde"`           // the change that its run could have seen: less is no news; 0 when unknown
	Doubtful    bool      `json:"doubtful"`      // suspected, and neither confirmed nor refuted
	End         *End      `json:"end,omitempty"` // nil as long as it is there
}

// Ending says how a regression ended.
type Ending string

// The endings. The last four are said by people, who then also know the run.
const (
	Recovered     Ending = "recovered"   // in order again: End.Run brought that about
	Worsened      Ending = "worsened"    // End.Run found it worse, and has a regression of its own
	Refuted       Ending = "refuted"     // it was doubtful, and End.Run did not see it
	Expected      Ending = "expected"    // the new level is the baseline from here on
	Environmental Ending = "environment" // the environment did it, and not the change
	Fixed         Ending = "fixed"       // somebody knows that it is mended
	Invalidated   Ending = "invalid"     // the run is no good; it is in no baseline
)

// Triage are the endings that people say.
func Triage() []Ending { return []Ending{Expected, Environmental, Fixed, Invalidated} }

// End is how a regression ended, or what people said of a run or one of its scenarios.
type End struct {
	As      Ending    `json:"as"`
	At      time.Time `json:"at"`
	Run     string    `json:"run,omitempty"`     // that ended it; empty when people did
	Subject string    `json:"subject,omitempty"` // of that run
	Level   float64   `json:"level,omitempty"`   // what that run measured, in the units of a Finding
	Mark    *Mark     `json:"mark,omitempty"`    // who, and why, and of which scenario; nil when a run did
}

// RegressionState is where a regression is in its life.
type RegressionState string

// The states.
const (
	RegressionOpen         RegressionState = "open"
	RegressionAcknowledged RegressionState = "acknowledged"
	RegressionResolved     RegressionState = "resolved"
	RegressionAccepted     RegressionState = "accepted"
)

// Course is what became of a regression in a run: teams are told of what changed, and not of what is as bad as it was.
type Course string

// The courses of a finding. The empty one is that of a metric that was in order and is.
const (
	CourseNew       Course = "new"       // it became worse than its baseline
	CourseWorse     Course = "worse"     // it was, and got worse by more than its run could have missed
	CourseSame      Course = "same"      // it is as bad as it was
	CourseBetter    Course = "better"    // it is better than it was by as much, and not yet in order
	CourseRecovered Course = "recovered" // it is in order again
)

// Policy says which earlier results a result is judged against. The zero Policy is the newest ten.
type Policy struct {
	Previous bool   // those of the release before, alone
	Last     int    // so many, the newest; 0 means ten
	Pinned   string // those of one run
}

// Past is what came before a scenario's result in an environment.
type Past struct {
	Results []Result // that count, newest first, comparable or not
	Levels  []Level  // that people accepted, oldest first
	Pin     string   // the run that somebody pinned, or else Policy.Pinned; empty when none is
	Pinned  []Result // its results, whether they count or not; none when they are not kept any more
}

// Level is a new level that somebody accepted: results from before its run are no baseline any more.
type Level struct {
	Run  string    `json:"run"`
	From time.Time `json:"from"` // when the first of its results began
	Mark Mark      `json:"mark"`
}

// Pin is a run that somebody made the baseline of a scenario.
type Pin struct {
	Run  string `json:"run"`
	Mark Mark   `json:"mark"`
}
