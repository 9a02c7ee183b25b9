package pipeline

import (
	"context"
	"fmt"
	"time"
)

const (
	recovery = time.Minute     // an environment may take to be well again after a change
	pulse    = time.Second     // between two looks at its health
	glance   = 5 * time.Second // one of them may take
)

// sickness is the StepError of an environment that is not well.
type sickness struct{ why Explanation }

func (s *sickness) Error() string        { return s.why.Reason }
func (s *sickness) Explain() Explanation { return s.why }

// healthy waits until the environment is well, if it says how it is. An error is a StepError: it did not get well in time.
func (w *work) healthy(ctx context.Context) error {
	url := w.catalog.Environments[w.run.Environment].Health
	if url == "" {
		return nil
	}
	for since := time.Now(); ; {
		err := w.look(ctx, url, glance)
		if err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Since(since) >= recovery {
			return &sickness{Explanation{Reason: fmt.Sprintf("the environment is not well %s later: %v", Brief(recovery), err)}}
		}
		select {
		case <-time.After(pulse):
		case <-ctx.Done():
		}
	}
}

// look asks once; nil when all is well, or ctx ended before anybody could tell.
func (w *work) look(ctx context.Context, url string, patience time.Duration) error {
	looking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := w.Probe(looking, url); ctx.Err() == nil {
		return err
	}
	return nil
}
