package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// await looks at a run until it is as wanted.
func (s *Story) await(ctx context.Context, run string, wanted func(status) bool) (now status, err error) {
	err = s.eventually(ctx, func() (string, error) {
		if now, err = s.client().status(ctx, run); err != nil || wanted(now) {
			return "", err
		}
		return fmt.Sprintf("%s is still %s", run, now.State), nil
	})
	return now, err
}

// ends waits until a run is over; *differs when it ends in another way.
func (s *Story) ends(ctx context.Context, run, state, verdict string) error {
	now, err := s.await(ctx, run, status.over)
	if err != nil || (now.State == state && now.Verdict == verdict) {
		return err
	}
	return &differs{
		run: run, wanted: cmp.Or(verdict, state), verdict: cmp.Or(now.Verdict, now.State),
		unsettled: slices.Contains([]string{"invalid", "inconclusive", "suspect"}, now.Verdict),
	}
}

// reads waits until everything is to be read in the thread of a run in that channel.
func (s *Story) reads(ctx context.Context, channel, run string, words ...string) error {
	return s.eventually(ctx, func() (string, error) {
		messages, err := s.client().transcript(ctx)
		return lacks("the thread of "+run+" in #"+channel, text(thread(messages, channel, run)), words), err
	})
}

// shows waits for a chart in the thread of a run in that channel.
func (s *Story) shows(ctx context.Context, channel, run string) error {
	return s.eventually(ctx, func() (string, error) {
		messages, err := s.client().transcript(ctx)
		for _, m := range thread(messages, channel, run) {
			if len(m.Images) > 0 {
				return "", err
			}
		}
		return "the thread of " + run + " in #" + channel + " has no chart", err
	})
}

// lacks says which of the words is missing, in small letters or capitals; empty when none is.
func lacks(where, text string, words []string) string {
	text = strings.ToLower(text)
	for _, w := range words {
		if !strings.Contains(text, strings.ToLower(w)) {
			return fmt.Sprintf("%s does not say %q", where, w)
		}
	}
	return ""
}

// eventually looks until nothing is missing, and tells what still is when the patience is over.
func (s *Story) eventually(ctx context.Context, look func() (missing string, err error)) error {
	end := time.NewTimer(cmp.Or(s.Patience, 2*time.Minute))
	defer end.Stop()
	again := time.NewTicker(cmp.Or(s.Poll, 100*time.Millisecond))
	defer again.Stop()
	for {
		missing, err := look()
		if err != nil || missing == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-end.C:
			return errors.New(missing)
		case <-again.C:
		}
	}
}

// differs is a run that ended in another way than it should.
type differs struct {
	run, wanted, verdict string
	unsettled            bool // it should have told something and could not
}

func (d *differs) Error() string {
	return fmt.Sprintf("%s should end %s, and ended %s", d.run, d.wanted, d.verdict)
}
