package pipeline

import (
	"context"
	"fmt"
	"time"
)

const (
	recovery = time.Minute // an environment may take to be well again after a change
	pulse    = time.Second // between two looks at its health
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
	waiting, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	for {
		err := w.Probe(waiting, url)
		if err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-time.After(pulse):
		case <-waiting.Done():
			return &sickness{Explanation{Reason: fmt.Sprintf("the environment is not well %s later: %v", brief(recovery), err)}}
		}
	}
}
