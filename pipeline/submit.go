package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Submission is a run about to be stored, with what the queue needs to tell it from others.
type Submission struct {
	Run     Run    // without an id: the queue gives it one
	EventID string // seen within 14 days: a repeat; empty for commands
	Thing   string // "service:checkout": what is superseded by a newer change of the same; empty for a full run
	Key     string // identity of the change within Thing; the same one waiting, running or installed is a repeat
	Due     time.Time
	// PatientUntil is when somebody has to be told that the run still waits; zero: never.
	PatientUntil time.Time
}

// Outcomes of a submission.
const (
	Accepted = "accepted" // a new run waits in its environment's lane
	Repeated = "repeat"   // nothing new: the receipt names the run that stands for it, if there is one
	Joined   = "joined"   // an image joined the run that waited for it
)

// Receipt says what became of a submission.
type Receipt struct {
	Outcome    string   `json:"outcome"`
	Run        string   `json:"run"`
	Superseded []string `json:"superseded,omitempty"`
}

// ErrNotFound is returned for what is not stored, or not any more.
var ErrNotFound = errors.New("not found")

// Queue takes runs in. Enqueue is atomic: dedupe, join, supersede and append happen together or not at all.
type Queue interface {
	Enqueue(ctx context.Context, s Submission) (Receipt, error)
	Load(ctx context.Context, id string) (Run, error)
	// Overhead is what runs of the thing took in the environment besides their load, typically; 0 when there were none.
	Overhead(ctx context.Context, environment, thing string) (time.Duration, error)
}

// Teller tells people about a run as it stands now. It may be called twice with the same run: it says nothing twice.
type Teller interface {
	Tell(ctx context.Context, run Run) error
	// TellHold tells where the hold says, of a hold as it stands.
	TellHold(ctx context.Context, hold Hold) error
}

// Submitter turns changes and wishes into runs.
type Submitter struct {
	Catalog func() *Catalog
	Queue   Queue
	Teller  Teller
	Now     func() time.Time
}

// Submit takes a change in: one run for each service or stack it touches and each of their environments. It returns a
// *Refusal for what may not be tested. Submitting the same event again is safe and tells again what may not have been told.
func (s *Submitter) Submit(ctx context.Context, change Change) ([]Receipt, error) {
	catalog := s.Catalog()
	changes, err := catalog.Resolve(change)
	if err != nil {
		return nil, err
	}
	var receipts []Receipt
	for _, c := range changes {
		thing, _ := catalog.Thing(c.Kind, c.Name)
		for _, environment := range thing.Environments {
			receipt, err := s.enqueue(ctx, s.ofChange(catalog, thing, c, environment))
			if err != nil {
				return nil, fmt.Errorf("submit %s to %s: %w", c.Name, environment, err)
			}
			receipts = append(receipts, receipt)
		}
	}
	return receipts, nil
}

func (s *Submitter) ofChange(catalog *Catalog, thing Thing, c Change, environment string) Submission {
	run := Run{
		Cause: CauseChange, Environment: environment, Team: thing.Team,
		Changes: []Change{c}, Selection: catalog.Select(c),
	}
	sub := Submission{Run: run, Thing: c.thing(), Key: catalog.identity(c)}
	if c.EventID != "" {
		sub.EventID = fmt.Sprintf("%s/%s/%s", c.EventID, c.thing(), environment)
	}
	if service := catalog.Services[c.Name]; c.Kind == KindService && service.Image != "" && c.Image == "" {
		sub.Due = s.Now().Add(service.WaitForImage)
		sub.Run.ImageBy = sub.Due
	}
	return sub
}

// Rerun repeats a run, or only some of its scenarios: the same artefact, as another run with a thread of its own.
func (s *Submitter) Rerun(ctx context.Context, old Run, only []string, by string) (Receipt, error) {
	run := Run{
		Cause: CauseRerun, Parent: old.ID, By: by, Environment: old.Environment, Team: old.Team, Channels: old.Channels,
		Changes: old.Changes, Selection: old.Selection.narrowed(only),
	}
	sub := Submission{Run: run}
	if c := old.Change(); c.Name != "" {
		sub.Thing = c.thing()
	}
	return s.enqueue(ctx, sub)
}

// Full runs every scenario against an environment as it is; the thread stays where it was asked for.
func (s *Submitter) Full(ctx context.Context, environment string, where Channel, team, by string) (Receipt, error) {
	return s.enqueue(ctx, Submission{Run: Run{
		Cause: CauseFull, By: by, Environment: environment, Team: team, Channels: []Channel{where},
		Selection: s.Catalog().SelectAll("full suite, asked for by " + by),
	}})
}

func (s *Submitter) enqueue(ctx context.Context, sub Submission) (Receipt, error) {
	sub.Run.Submitted, sub.Run.State = s.Now(), Waiting
	if patience := s.Catalog().Environments[sub.Run.Environment].MaxWait; patience > 0 {
		sub.PatientUntil = s.Now().Add(patience)
	}
	expected, err := s.expected(ctx, sub)
	if err != nil {
		return Receipt{}, err
	}
	sub.Run.Expected = expected
	receipt, err := s.Queue.Enqueue(ctx, sub)
	if err != nil {
		return Receipt{}, err
	}
	return receipt, s.tell(ctx, receipt)
}

// expected is how long the load takes, and what past runs took besides it.
func (s *Submitter) expected(ctx context.Context, sub Submission) (time.Duration, error) {
	total, err := s.Queue.Overhead(ctx, sub.Run.Environment, sub.Thing)
	catalog := s.Catalog()
	for _, name := range sub.Run.Selection.Names() {
		total += catalog.Scenarios[name].Load.Duration()
	}
	return total, err
}

// tell announces the run and whatever its coming changed. Only the queue knows what that was, so a repeat tells it again.
// The run comes first: the others link to its thread.
func (s *Submitter) tell(ctx context.Context, receipt Receipt) error {
	if receipt.Run == "" {
		return nil
	}
	run, err := s.Queue.Load(ctx, receipt.Run)
	if err != nil {
		return err
	}
	return announce(ctx, s.Queue.Load, s.Teller, run)
}

// announce tells of a run, and then of the runs that its coming changed, as far as they are still kept: those link to it.
func announce(ctx context.Context, load func(context.Context, string) (Run, error), teller Teller, run Run) error {
	if err := teller.Tell(ctx, run); err != nil {
		return fmt.Errorf("announce %s: %w", run.ID, err)
	}
	for _, id := range append(slices.Clone(run.Supersedes), run.Successor, run.Parent) {
		if id == "" {
			continue
		}
		related, err := load(ctx, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err == nil {
			err = teller.Tell(ctx, related)
		}
		if err != nil {
			return fmt.Errorf("announce %s: %w", id, err)
		}
	}
	return nil
}
