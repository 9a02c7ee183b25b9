package pipeline

import "time"

// State is where a run is in its life.
type State string

// The states. Everything from Done on is final.
const (
	Waiting    State = "waiting"
	Running    State = "running"
	Done       State = "done"
	Superseded State = "superseded"
	Cancelled  State = "cancelled"
)

// Final tells whether a run in this state will never change again.
func (s State) Final() bool { return s == Done || s == Superseded || s == Cancelled }

// Stage is what a running run is doing. Every stage ends with a checkpoint; whoever takes the run over goes on there.
type Stage string

// The stages, in order.
const (
	StagePrepare Stage = "prepare" // deploy, or apply
	StageTest    Stage = "test"
	StageJudge   Stage = "judge"
	StageConfirm Stage = "confirm"
	StageReport  Stage = "report"

	StageApart Stage = "apart" // of a run that was tested along with others: it is taken back, to be tested without them
)

// Cause says why there is a run.
type Cause string

// The causes.
const (
	CauseChange Cause = "change"
	CauseRerun  Cause = "rerun"
	CauseFull   Cause = "full"
)

// Run is one execution for one or more changes in one environment. It is the stored record of itself: what the holder
// of the environment's lane writes, plus the marks others leave on it (Successor, Cancel, Acknowledged).
type Run struct {
	Rev         int64  `json:"-"`      // counts the changes of this run, marks included; set by Load
	Schema      int    `json:"schema"` // of this record
	ID          string `json:"id"`
	Environment string `json:"environment"`
	Cause       Cause  `json:"cause"`
	Team        string `json:"team"` // whose channels hold the thread
	// Channels hold the thread when the run was asked for elsewhere than in its team's channels (a full run).
	Channels  []Channel     `json:"channels,omitempty"`
	By        string        `json:"by,omitempty"`     // who asked, for a rerun or full run
	Parent    string        `json:"parent,omitempty"` // the run this one repeats
	Changes   []Change      `json:"changes"`          // empty for a full run
	Selection Selection     `json:"selection"`
	Expected  time.Duration `json:"expected"` // how long it takes once it starts; 0 when unknown
	Position  int           `json:"position"` // runs before it when it was submitted

	State     State     `json:"state"`
	Stage     Stage     `json:"stage"`
	Submitted time.Time `json:"submitted"`
	Started   time.Time `json:"started,omitzero"`
	Finished  time.Time `json:"finished,omitzero"`
	ImageBy   time.Time `json:"image_by,omitzero"` // waiting for its image until then

	Before   *Artefact `json:"before,omitempty"` // what ran before prepare; nil for a first deploy
	Results  []Result  `json:"results"`          // of the test stage, in the order of the selection
	Legs     []Leg     `json:"legs,omitempty"`   // of the confirm stage, in order
	Outcomes []Outcome `json:"outcomes,omitempty"`
	Verdict  Verdict   `json:"verdict,omitempty"`
	Reason   string    `json:"reason,omitempty"`   // for people: why it failed, or is invalid
	Output   string    `json:"output,omitempty"`   // the last lines of what failed, redacted
	Restored string    `json:"restored,omitempty"` // what a failed deploy was set back to
	Next     string    `json:"next,omitempty"`     // for people: what to do about the reason
	Fault    Fault     `json:"fault,omitempty"`    // who has to look after it
	Stopped  string    `json:"stopped,omitempty"`  // why load was stopped before its end
	Unwell   string    `json:"unwell,omitempty"`   // why this run left its environment on hold; empty when it is well

	Plan     *Plan     `json:"plan,omitempty"`     // of a stack, once it was planned; the first one
	Applying bool      `json:"applying,omitempty"` // the change is being brought in, or was
	Approval *Approval `json:"approval,omitempty"` // what the plan needs before it is applied

	Batch  []string `json:"batch,omitempty"`  // runs that this one tests along
	Leader string   `json:"leader,omitempty"` // the run that tests this one along
	Round  int      `json:"round,omitempty"`  // how often it began again, because it was tested along with others

	Successor    string   `json:"successor,omitempty"` // the run that superseded this one
	Supersedes   []string `json:"supersedes,omitempty"`
	Reruns       []string `json:"reruns,omitempty"` // runs that repeat this one
	Cancel       *Mark    `json:"cancel,omitempty"`
	Acknowledged []Mark   `json:"acknowledged,omitempty"` // that are in force, oldest first
	Lapsed       []Mark   `json:"lapsed,omitempty"`       // acknowledgements whose time is over
	Reminded     []Mark   `json:"reminded,omitempty"`     // acknowledgements that somebody was reminded of before their time was over, oldest first
	Triaged      []End    `json:"triaged,omitempty"`      // what people said of the run and its scenarios, in force, oldest first
	Approved     *Mark    `json:"approved,omitempty"`
	Rejected     *Mark    `json:"rejected,omitempty"`
	Overdue      bool     `json:"overdue,omitempty"` // it waits longer than its environment wants it to

	Hold        *Hold        `json:"-"` // of its environment, while it waits; set by Load
	Regressions []Regression `json:"-"` // that belong to it, as they now stand, by ID; set by Load
}

// Approval is asked for before a plan is applied.
type Approval struct {
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires"`
}

// Hold keeps an environment from starting another run.
type Hold struct {
	ID          string    `json:"id"` // "H3"
	Environment string    `json:"environment"`
	By          Mark      `json:"by"`             // who, when and why
	Until       time.Time `json:"until,omitzero"` // zero: until somebody releases it
	Run         string    `json:"run,omitempty"`  // that left the environment unwell; empty when a person held it
	Channels    []Channel `json:"channels"`       // where it is told
	Released    *Mark     `json:"released,omitempty"`
}

// Mark is something a person did to a run.
type Mark struct {
	By      string    `json:"by"` // as the platform's identity, for a mention: "slack:U123"; the name for people is Name
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	Because string    `json:"because,omitempty"`
	Until   time.Time `json:"until,omitzero"`   // of an acknowledgement; zero: for as long as it takes
	Scope   string    `json:"scope,omitempty"`  // a scenario that it is about; empty: the whole run
	Metric  Metric    `json:"metric,omitempty"` // of an acknowledgement: the one that it is about; empty: all
}

// Leg is one measurement of the confirm stage.
type Leg struct {
	New     bool     `json:"new"` // the new version, else the one before
	Results []Result `json:"results"`
}

// Change is what the run is about; the zero Change for a full run.
func (r Run) Change() Change {
	if len(r.Changes) == 0 {
		return Change{}
	}
	return r.Changes[0]
}

// Subject names what is tested: "checkout 1.4.0", or the suite.
func (r Run) Subject() string {
	c := r.Change()
	switch {
	case c.Name == "" && r.Selection.Part():
		return "part of the suite on " + r.Environment
	case c.Name == "":
		return "full suite on " + r.Environment
	}
	if label := c.Artefact().Label(); label != "" {
		return c.Name + " " + label
	}
	return c.Name
}

// Series is the name under which runs of the same are listed: that of the service or stack, or of the suite.
func (r Run) Series() string {
	if name := r.Change().Name; name != "" {
		return name
	}
	return Suite(r.Environment)
}

// Suite names the full runs of an environment. No service and no stack can be called so.
func Suite(environment string) string { return "suite/" + environment }

// Board is what an environment is busy with.
type Board struct {
	Environment string
	Held        *Run  // the run that holds it; nil when it is free
	Led         []Run // those that Held tests along, as far as they are not over
	Hold        *Hold // nil when it is not on hold
	Waiting     []Run // in the order they will run
}
