package intake

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

const checkout = `{"kind":"service","name":"checkout","revision":"1f6c"}`

// desk is an Intake with everything it was told. Its functions may be replaced before it is used.
type desk struct {
	*Intake

	mu        sync.Mutex
	submitted []string // event ids
	refused   []string // key and reason
	counted   []string
	logged    bytes.Buffer
}

func newDesk(submit func(ctx context.Context, change pipeline.Change) ([]pipeline.Receipt, error)) *desk {
	d := &desk{}
	note := func(list *[]string, entry string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		*list = append(*list, entry)
	}
	d.Intake = &Intake{
		Submit: func(ctx context.Context, change pipeline.Change) ([]pipeline.Receipt, error) {
			note(&d.submitted, change.EventID)
			return submit(ctx, change)
		},
		Refuse: func(_ context.Context, key, what, reason string) error {
			note(&d.refused, key+": "+what+": "+reason)
			return nil
		},
		Redact: mask,
		Secret: leaks,
		Count:  func(outcome string) { note(&d.counted, outcome) },
		Log:    slog.New(slog.NewTextHandler(&lockedWriter{d: d}, nil)),
	}
	return d
}

type lockedWriter struct{ d *desk }

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	return w.d.logged.Write(p)
}

// told is a copy of what the desk was told.
func (d *desk) told() (submitted, refused, counted []string, logged string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.submitted), slices.Clone(d.refused), slices.Clone(d.counted), d.logged.String()
}

func accept(context.Context, pipeline.Change) ([]pipeline.Receipt, error) {
	return []pipeline.Receipt{{Outcome: pipeline.Accepted, Run: "R1"}}, nil
}

func TestTakeCountsWhatBecameOfAnEvent(t *testing.T) {
	const pushed = `{"result":"SUCCESS","repository-name":"a","action-type":"PUSH","image-tag":"1"}`
	unowned := &pipeline.Refusal{Reason: "nobody owns it", Unowned: true}
	for name, c := range map[string]struct {
		body     string
		receipts []pipeline.Receipt
		err      error
		outcome  string
		refused  bool
	}{
		"run":                    {body: change(checkout), receipts: []pipeline.Receipt{{Outcome: pipeline.Accepted, Run: "R1"}}, outcome: Taken},
		"again":                  {body: change(checkout), receipts: []pipeline.Receipt{{Outcome: pipeline.Repeated, Run: "R1"}}, outcome: Repeat},
		"one of two again":       {body: change(checkout), receipts: []pipeline.Receipt{{Outcome: pipeline.Repeated}, {Outcome: pipeline.Accepted}}, outcome: Taken},
		"touches nothing":        {body: change(checkout), outcome: Ignored},
		"untagged push":          {body: push("eu-west-1", `{"action-type":"PUSH"}`), outcome: Ignored},
		"push of nobody's image": {body: push("eu-west-1", pushed), err: unowned, outcome: Ignored},
		"push of a wrong image":  {body: push("eu-west-1", pushed), err: &pipeline.Refusal{Reason: "no"}, outcome: Refused, refused: true},
		"nobody's change":        {body: change(checkout), err: unowned, outcome: Refused, refused: true},
		"malformed":              {body: `{}`, outcome: Refused, refused: true},
		"store is down":          {body: change(checkout), err: errors.New("connection refused"), outcome: Broken},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(func(context.Context, pipeline.Change) ([]pipeline.Receipt, error) { return c.receipts, c.err })
			receipts, err := d.Take(t.Context(), []byte(c.body))
			_, refused, counted, _ := d.told()
			require.Equal(t, []string{c.outcome}, counted)
			require.Equal(t, c.refused, len(refused) == 1, refused)
			require.Equal(t, c.refused, isFinal(err))
			require.Equal(t, c.outcome == Refused || c.outcome == Broken, err != nil)
			require.Equal(t, c.receipts, receipts)
		})
	}
}

// The same body has the same key, by which bot tells it once; another body has another.
func TestRefusalHasTheKeyOfItsBody(t *testing.T) {
	d := newDesk(accept)
	for _, body := range []string{`{"detail-type":"a"}`, `{"detail-type":"a"}`, `{"detail-type":"b"}`} {
		_, err := d.Take(t.Context(), []byte(body))
		require.Error(t, err)
	}
	_, refused, _, _ := d.told()
	require.Equal(t, refused[0], refused[1])
	require.NotEqual(t, refused[0][:16], refused[2][:16])
	require.Contains(t, refused[0], `: it was not tested: detail-type: "a" is neither`)
}

func TestRefusalThatNobodyWasToldIsNotFinal(t *testing.T) {
	d := newDesk(accept)
	d.Refuse = func(context.Context, string, string, string) error { return errors.New("redis is down") }
	_, err := d.Take(t.Context(), []byte(`{}`))
	require.ErrorContains(t, err, "redis is down")
	require.False(t, isFinal(err))
	_, _, counted, _ := d.told()
	require.Equal(t, []string{Broken}, counted)
}

func TestRefusalsAreRedacted(t *testing.T) {
	d := newDesk(func(context.Context, pipeline.Change) ([]pipeline.Receipt, error) {
		return nil, &pipeline.Refusal{Reason: "image: hunter2\nis not yours"}
	})
	_, err := d.Take(t.Context(), []byte(change(checkout)))
	require.Error(t, err)
	_, refused, _, logged := d.told()
	require.Contains(t, refused[0], "image: *** is not yours")
	require.NotContains(t, logged, "hunter2")
}

func TestPanicIsAnErrorOfItsEventAlone(t *testing.T) {
	for name, spoil := range map[string]func(*desk){
		"in Submit": func(*desk) {},
		"in Refuse": func(d *desk) {
			d.Submit = func(context.Context, pipeline.Change) ([]pipeline.Receipt, error) {
				return nil, &pipeline.Refusal{Reason: "no"}
			}
			d.Refuse = func(context.Context, string, string, string) error { panic("hunter2 is nil") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(func(context.Context, pipeline.Change) ([]pipeline.Receipt, error) { panic("hunter2 is nil") })
			spoil(d)
			receipts, err := d.Take(t.Context(), []byte(change(checkout)))
			require.EqualError(t, err, "panic: *** is nil")
			require.False(t, isFinal(err), "the event may be taken again")
			require.Nil(t, receipts)
			_, _, counted, logged := d.told()
			require.Equal(t, []string{Broken}, counted)
			require.Contains(t, logged, "intake_test.go", "the stack is logged")
			require.NotContains(t, logged, "hunter2")
		})
	}
}
