package pipeline_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// database is what applying would change.
var database = []pipeline.Resource{
	{Address: "aws_db_instance.orders", Type: "aws_db_instance", Action: "update", Tags: []string{"Name:orders", "db:orders"}},
	{Address: "aws_db_parameter_group.orders", Type: "aws_db_parameter_group", Action: "create", Tags: []string{}},
}

// platform is a run of a stack that Terraform applies.
func (w *world) platform(edit ...func(*pipeline.Terraform)) {
	terraform := &pipeline.Terraform{}
	for _, e := range edit {
		e(terraform)
	}
	w.cloud = database
	w.catalog.Stacks["platform"] = pipeline.Stack{Name: "platform", Tags: []string{"stack:platform"}, Apply: &pipeline.Apply{Terraform: terraform}}
	w.add(pipeline.Run{
		ID: "R1", Cause: pipeline.CauseChange, Changes: []pipeline.Change{{Kind: pipeline.KindStack, Name: "platform", Revision: "s9"}},
	})
}

func approve(t *pipeline.Terraform) { t.Approve = 2 * time.Hour }

func TestThePlanDecidesWhatIsTested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.platform()
		run := w.work(t)
		require.Equal(t, pipeline.Pass, run.Verdict)
		require.Equal(t, []string{"checkout-flow", "shop-window"}, run.Selection.Names())
		require.Equal(t, []string{"db:orders", "checkout", "checkout-flow"}, run.Selection.Scenarios[0].Path)
		require.Equal(t, []string{"db:orders"}, run.Plan.Resources[0].Tags, "a tag that nobody uses is nobody's business")
		require.Equal(t, "apply", w.effects()[0])
		require.Equal(t, "s9", w.installed["stack:platform"].Revision)
		require.Empty(t, w.cloud)
	})
}

func TestARerunOfSomeScenariosPlansNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.platform(approve)
		w.add(w.run(), func(r *pipeline.Run) { r.Selection.Only = []string{"shop-window", "search-flow"} })
		w.waits(t)
		w.cloud = append(w.cloud, pipeline.Resource{Address: "aws_vpc.main", Action: "delete"})
		w.approved = decided(0)
		time.Sleep(time.Minute)
		w.waits(t) // it is planned anew
		w.approved = decided(0)
		run := w.work(t)
		require.Equal(t, []string{"shop-window"}, run.Selection.Names(), "the plan has nothing to do with search-flow")
		require.Equal(t, 2, run.Selection.Of)
		require.Len(t, run.Results, 1)
	})
}

func TestAnEmptyPlanTestsNothing(t *testing.T) {
	w := newWorld()
	w.platform()
	w.cloud = nil
	run := w.work(t)
	require.Equal(t, pipeline.Pass, run.Verdict)
	require.Equal(t, "the plan is empty: nothing changes", run.Selection.Reason)
	require.Equal(t, []string{"install s9"}, w.effects())
}

func TestALargePlanRunsTheFullSuite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.catalog.FullSuite.Resources = 2
		w.platform()
		run := w.work(t)
		require.Len(t, run.Results, 3)
		require.Equal(t, "full suite: the plan changes 2 resources, 2 or more run everything", run.Selection.Reason)
	})
}

func TestARefusedPlanChangesNothing(t *testing.T) {
	w := newWorld()
	w.platform()
	w.refused = []string{"aws_db_instance.orders is protected and would be replaced"}
	run := w.work(t)
	require.Equal(t, pipeline.Failed, run.Verdict)
	require.Equal(t, "the plan was refused: aws_db_instance.orders is protected and would be replaced", run.Reason)
	require.Equal(t, "nothing was changed", run.Restored)
	require.Empty(t, w.effects())
	require.Empty(t, run.Unwell)
}

func TestAFailedApplyLeavesTheEnvironmentOnHold(t *testing.T) {
	w := newWorld()
	w.platform()
	w.fails["apply"] = broken{"timeout while waiting for aws_db_instance.orders", "Error: timeout"}
	run := w.work(t)
	require.Equal(t, pipeline.Failed, run.Verdict)
	require.Equal(t, "the apply failed: timeout while waiting for aws_db_instance.orders", run.Reason)
	require.Equal(t, "the apply of platform s9 broke half-way", run.Unwell)
	require.Equal(t, []string{"hold load: the apply of platform s9 broke half-way"}, w.effects())
}

func TestAPlanThatCannotBeMadeIsNobodysChange(t *testing.T) {
	w := newWorld()
	w.platform()
	w.fails["plan"] = trouble{broken{"the state is locked by ci@host", ""}, true}
	run := w.work(t)
	require.Equal(t, pipeline.Invalid, run.Verdict)
	require.Equal(t, "look at it", run.Next)
	require.Equal(t, "nothing was changed", run.Restored)
}

// waits lets the run come to where it waits for somebody.
func (w *world) waits(t *testing.T) {
	t.Helper()
	var postponed *pipeline.Postponed
	require.ErrorAs(t, w.hold(t), &postponed)
	run := w.run()
	require.Equal(t, pipeline.Waiting, run.State)
	require.Equal(t, run.Approval.Expires, postponed.Until.UTC())
}

func decided(after time.Duration) *pipeline.Mark {
	return &pipeline.Mark{Name: "dev-sg", At: time.Now().Add(after)}
}

func TestAPlanIsApprovedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.platform(approve)
		w.waits(t)
		require.Empty(t, w.effects(), "nothing is applied before")
		require.Equal(t, []string{"checkout-flow", "shop-window"}, w.run().Selection.Names(), "those who approve see what it means")
		w.waits(t)

		w.cloud = append(w.cloud, pipeline.Resource{Address: "aws_vpc.main", Action: "delete"})
		w.approved = decided(0)
		time.Sleep(time.Minute)
		w.waits(t)
		require.Len(t, w.run().Plan.Resources, 3, "more would change than was approved of")

		w.cloud = w.cloud[1:]
		w.approved = decided(0)
		require.Equal(t, pipeline.Pass, w.work(t).Verdict)
		require.Equal(t, "apply", w.effects()[0])
	})
}

func TestAPlanThatNobodyApprovesIsNotApplied(t *testing.T) {
	for name, c := range map[string]struct {
		then   func(*world)
		reason string
	}{
		"rejected": {func(w *world) { w.rejected = decided(0) }, "the plan was rejected by dev-sg"},
		"expired":  {func(*world) { time.Sleep(2 * time.Hour) }, "nobody approved the plan within 2h"},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.platform(approve)
			w.waits(t)
			c.then(w)
			run := w.work(t)
			require.Equal(t, pipeline.Cancelled, run.State)
			require.Equal(t, c.reason, run.Reason)
			require.Empty(t, w.effects())
		})
	}
}
