package pipeline

// Verdict is what Bellwether says of a metric, a scenario or a run.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Improved     Verdict = "improved"
	Suspect      Verdict = "suspect"      // worse, and not confirmed yet
	Regressed    Verdict = "regressed"    // worse, and confirmed
	Inconclusive Verdict = "inconclusive" // too little was measured to tell
	Invalid      Verdict = "invalid"      // the measurement is no good
	Failed       Verdict = "failed"       // the deploy or the script broke
)

// severity orders verdicts from harmless to worst. What is certain outweighs what could not be told: a regression must not
// go unsaid because another scenario of the run broke.
var severity = map[Verdict]int{Pass: 1, Improved: 2, Inconclusive: 3, Suspect: 4, Invalid: 5, Failed: 6, Regressed: 7}

// Worst is the gravest of the verdicts; Pass when there are none.
func Worst(verdicts ...Verdict) Verdict {
	worst := Pass
	for _, v := range verdicts {
		if severity[v] > severity[worst] {
			worst = v
		}
	}
	return worst
}

// Finding is one judged metric, with everything needed to explain it.
type Finding struct {
	Group        string        `json:"group"` // the scenario, or scenario/target
	Metric       Metric        `json:"metric"`
	Was          float64       `json:"was"`      // the baseline's geometric mean; 0 without a baseline
	Now          float64       `json:"now"`      // milliseconds, or a fraction for errors and throughput
	Previous     float64       `json:"previous"` // the version before's, of a full run the run before's; 0 without one
	Ratio        float64       `json:"ratio"`    // now over was; 0 without a baseline
	Low          float64       `json:"low"`      // 95 % interval of the ratio (of the difference for errors)
	High         float64       `json:"high"`
	BandLow      float64       `json:"band_low"` // where the next baseline run would fall, 95 %; of errors the baseline's range
	BandHigh     float64       `json:"band_high"`
	P            float64       `json:"p"`   // one-sided, if nothing changed; 1 without a baseline
	MDE          float64       `json:"mde"` // the relative change this run could have seen, 0.17 = +17 %; 0 when unknown
	Gate         float64       `json:"gate"`
	Samples      int64         `json:"samples"`
	Verdict      Verdict       `json:"verdict"`
	Rule         string        `json:"rule"`
	Course       Course        `json:"course,omitempty"`        // of the regression that it is, or was
	Since        string        `json:"since,omitempty"`         // the run that found that regression; empty for a new one
	SinceSubject string        `json:"since_subject,omitempty"` // of that run: "checkout 1.5.0"
	Level        float64       `json:"level,omitempty"`         // what that regression was known to be; 0 for a new one
	Confirmation *Confirmation `json:"confirmation,omitempty"`  // nil until a suspicion was followed up
}

// Outcome is the verdict on one scenario.
type Outcome struct {
	Scenario string    `json:"scenario"`
	Verdict  Verdict   `json:"verdict"`
	Reason   string    `json:"reason,omitempty"` // for people: why there is no comparison, why it is invalid
	Findings []Finding `json:"findings"`
	Baseline []string  `json:"baseline"` // runs it was judged against, newest first
	Result   string    `json:"result"`   // id of the result that was judged
	// AlsoChanged are the other things whose version is not that of the newest baseline run: "checkout 1.4.0 → 1.5.0".
	AlsoChanged []string `json:"also_changed,omitempty"`
	// Uncounted: it passed, but measured an environment that is worse than its baseline for another reason.
	Uncounted bool `json:"uncounted,omitempty"`
}
