package commands

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestEverythingSaidIsWrittenDown(t *testing.T) {
	for name, c := range map[string]struct {
		line, run, result, reason string
	}{
		"a command":         {"cancel R4", "R4", ResultDone, ""},
		"a look":            {"status", "", ResultDone, ""},
		"help":              {"", "", ResultDone, ""},
		"one run led on":    {"full", "R109", ResultDone, ""},
		"nothing to do":     {"cancel R2", "R2", ResultMistake, "R2 (checkout 1.5.2) is over: it regressed."},
		"not understood":    {"cancle R2", "", ResultMistake, `I don't know "cancle". Did you mean "cancel"?`},
		"denied":            {"hold load because x", "", ResultDenied, "Only admins may hold load."},
		"a denial of a run": {"approve R9", "R9", ResultDenied, "Only admins may approve the plan of R9."},
	} {
		t.Run(name, func(t *testing.T) {
			d, l, _ := desk("load")
			current := d.Catalog()
			current.Permissions = pipeline.Permissions{"hold": {Roles: []pipeline.Role{pipeline.Admin}}, "approve": {Roles: []pipeline.Role{pipeline.Admin}}}
			d.Catalog = func() *pipeline.Catalog { return current }
			d.Do(t.Context(), siti, c.line)
			require.Equal(t, []Entry{
				{ID: "5f0c", At: noon, Platform: "slack", Channel: "slack:C0CHECKOUT", Who: "T0TEAM/U0SITI", Name: "siti", What: c.line},
				{ID: "5f0c", At: noon, Run: c.run, Result: c.result, Reason: c.reason},
			}, l.entries)
		})
	}
}

// What failed is in the log under the id of the entry: its text may hold what is not for everybody.
func TestAFailureIsWrittenDownByItsID(t *testing.T) {
	d, l, log := desk("load")
	l.broken = errors.New("dial tcp 10.0.0.7:6379: secret")
	reply := d.Do(t.Context(), siti, "cancel R4")
	require.Contains(t, reply.Message.String(), "5f0c")
	require.Contains(t, log.String(), "id=5f0c")
	require.Equal(t, Entry{ID: "5f0c", At: noon, Run: "R4", Result: ResultFailed, Reason: "the log has it under this id"}, l.entries[1])
	golden(t, "error", []example{{"error", reply.Message}})
}

// sudden ends Bellwether in the middle of a command.
type sudden struct {
	*ledger
	end func()
}

func (s sudden) Cancel(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	s.end()
	return s.ledger.Cancel(ctx, id, m)
}

func TestWhatIsMeantIsWrittenDownBeforeItIsDone(t *testing.T) {
	d, l, _ := desk("load")
	d.Marks = sudden{l, func() {
		require.Len(t, l.entries, 1)
		require.Equal(t, "cancel R4", l.entries[0].What)
		l.unlogged = errors.New("killed")
	}}
	d.Do(t.Context(), siti, "cancel R4")
	require.Len(t, l.entries, 1, "nobody knows what became of it")
	require.Empty(t, l.entries[0].Result)
}

func TestWhatCannotBeWrittenDownIsNotDone(t *testing.T) {
	d, l, log := desk("load")
	l.unlogged = errors.New("redis: OOM")
	for _, line := range []string{"cancel R4", "full", "hold load because x", "status"} {
		reply := d.Do(t.Context(), siti, line)
		require.True(t, reply.Private)
		require.Contains(t, reply.Message.String(), "did not work")
	}
	require.Empty(t, l.told)
	require.Nil(t, l.hold)
	require.Nil(t, l.runs["R4"].Cancel)
	require.Contains(t, log.String(), "redis: OOM")
}

// Whoever spoke may have hung up when it is done.
func TestWhatBecameOfItIsWrittenDownForWhoeverHasGone(t *testing.T) {
	d, l, _ := desk("load")
	ctx, hangUp := context.WithCancel(t.Context())
	d.Marks = sudden{l, hangUp}
	d.Audit = strict{l}
	d.Do(ctx, siti, "cancel R4")
	require.Len(t, l.entries, 2)
}

// strict writes nothing for whoever has gone.
type strict struct{ *ledger }

func (s strict) Append(ctx context.Context, e Entry) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.ledger.Append(ctx, e)
}

func TestTheAuditLogHoldsNoSecretsAndNoNovels(t *testing.T) {
	d, l, _ := desk("load")
	d.Do(t.Context(), siti, "ack R2 because the password is hunter2")
	d.Do(t.Context(), siti, "hunter2")
	d.Do(t.Context(), siti, "cancel "+strings.Repeat("é", 1<<20))
	for _, e := range l.entries {
		require.NotContains(t, e.What+e.Reason, "hunter2")
		require.LessOrEqual(t, len(e.What), maxLine+len("…"))
	}
	require.Equal(t, "ack R2 because the password is ***", l.entries[0].What)
}
