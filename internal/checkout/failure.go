package checkout

import "bellwether/pipeline"

var _ pipeline.StepError = (*Failure)(nil)

// Failure says why a revision was not checked out, in words without secrets.
type Failure struct{ explanation pipeline.Explanation }

func (f *Failure) Error() string { return f.explanation.Reason }

// Explain is the failure for people.
func (f *Failure) Explain() pipeline.Explanation { return f.explanation }

// refused is a change that must not be checked out, or cannot.
func refused(reason, next string) *Failure {
	return &Failure{pipeline.Explanation{Reason: reason, Next: next, Untouched: true}}
}

// outOfReach is a repository that cannot be fetched.
func outOfReach(reason string) *Failure {
	return &Failure{pipeline.Explanation{
		Reason: reason, Next: "look at the network, and at the host's url, username and token in Bellwether's settings",
		Fault: pipeline.FaultEnvironment, Untouched: true,
	}}
}

// trouble is one of the machine that Bellwether runs on.
func trouble(err error) *Failure {
	return &Failure{pipeline.Explanation{
		Reason: err.Error(), Next: "look at the machine that Bellwether runs on, its disk and its git",
		Fault: pipeline.FaultEnvironment, Untouched: true,
	}}
}
