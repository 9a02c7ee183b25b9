package app

import (
	"html"
	"os"
	"regexp"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// TestStacks takes stacks all the way: from a commit, by way of real Terraform and our provider, to the thread.
func TestStacks(t *testing.T) {
	t.Parallel()
	mirror := terraformMirror(t)
	for name, test := range map[string]func(t *testing.T, mirror string){
		"the plan decides":    thePlanDecides,
		"a failed apply":      failedApplyHoldsTheEnvironment,
		"approval":            approvalIsAskedFor,
		"killed in the apply": killedInTheApply,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, mirror)
		})
	}
}

// ordersWay leads from the database to what is tested.
const ordersWay = "Scenarios: bellwether_database.orders -> db:orders -> billing, checkout -> 2 scenarios\n"

// thePlanDecides what is tested, and whether it is applied at all.
func thePlanDecides(t *testing.T, mirror string) {
	e := newEstate(t, mirror, miniredis.RunT(t).Addr(), `protect: ["bellwether_database.*"]`)
	replica := e.serve(t, "--log-level", "debug")
	e.changeOfTheDatabase(t)
	e.protectedReplace(t)
	e.unchangedPlan(t)
	e.commitOfAnotherBranch(t)
	e.quiet(t)
	out := e.runPages(t)
	out["chat"], out["readyz"] = e.page(t, e.url+"/chat/transcript.json"), e.readiness(t)
	out["metrics"] = e.page(t, "http://"+e.admin+"/metrics")
	require.Len(t, e.posts(t, "operations"), 0)
	replica.stop(t)
	out["log"] = replica.said(t)
	e.keepsSecrets(t, out)
}

// changeOfTheDatabase tests those services that use it, and shows why.
func (e *estate) changeOfTheDatabase(t *testing.T) {
	run := e.bring(t, ordersDatabase("postgres", 1)+untaggedInstance)
	require.Equal(t, pipeline.Done, e.ended(t, run).State)
	e.quiet(t)
	require.Equal(t, []string{"billing-flow", "checkout-flow"}, tested(e.stored(t, run)))
	root := e.root(t, "infrastructure", "platform")
	require.Contains(t, root.Text, ordersWay)
	require.Contains(t, root.Text, "Plan: 2 to create: bellwether_database.orders, bellwether_instance.web\n")
	for _, post := range e.posts(t, "infrastructure")[1:] {
		require.Equal(t, root.ID, post.Thread)
	}
	require.JSONEq(t, `{"kind": "database", "name": "orders", "engine": "postgres", "size": 1}`, e.orders(t))
	require.Equal(t, []string{"database-orders", "instance-web"}, e.exists(t))
}

// leavesAlone requires that something changes neither the cloud, nor the state, nor tests anything; it returns the run's root.
func (e *estate) leavesAlone(t *testing.T, send func() (run string), says string) (pipeline.Run, webPost) {
	t.Helper()
	state, orders, requests := e.file(t, e.state), e.orders(t), e.shop.Requests.Load()
	run := send()
	e.ended(t, run)
	e.quiet(t)
	require.Equal(t, []any{state, orders, requests}, []any{e.file(t, e.state), e.orders(t), e.shop.Requests.Load()})
	return e.stored(t, run), e.root(t, "infrastructure", says)
}

func (e *estate) protectedReplace(t *testing.T) {
	run, root := e.leavesAlone(t, func() string {
		return e.bring(t, ordersDatabase("mysql", 1)+untaggedInstance)
	}, "the plan was refused: replace of bellwether_database.orders: it is protected by bellwether_database.*")
	require.Equal(t, pipeline.Failed, run.Verdict)
	require.Contains(t, root.Text, "Environment: load; nothing was changed\n")
}

func (e *estate) unchangedPlan(t *testing.T) {
	run, root := e.leavesAlone(t, func() string {
		return e.bring(t, "# a comment\n"+ordersDatabase("postgres", 1)+untaggedInstance)
	}, "changes nothing: the plan is empty, and there is nothing to test")
	require.Equal(t, pipeline.Pass, run.Verdict)
	require.Contains(t, root.Text, "Scenarios: none\n")
}

func (e *estate) commitOfAnotherBranch(t *testing.T) {
	e.git(t, "checkout", "--quiet", "-b", "experiment")
	run, root := e.leavesAlone(t, func() string {
		return e.bring(t, ordersDatabase("postgres", 2)+untaggedInstance)
	}, "is not on main: only what is there may run")
	require.Equal(t, pipeline.Failed, run.Verdict)
	require.Contains(t, root.Text, "Next step: merge it first\n")
}

// failedApplyHoldsTheEnvironment until somebody releases it. Our provider's errors tell passwords; people do not read them.
func failedApplyHoldsTheEnvironment(t *testing.T, mirror string) {
	e := newEstate(t, mirror, miniredis.RunT(t).Addr(), "")
	replica := e.serve(t)
	behave := e.misbehave(t, "web.fail", "no space left")
	broken := e.bring(t, ordersDatabase("postgres", 1)+untaggedInstance)
	require.Equal(t, pipeline.Failed, e.ended(t, broken).Verdict)
	e.read(t, "load is not well and on hold")
	require.Empty(t, tested(e.stored(t, broken)))
	root := e.root(t, "infrastructure", "the apply failed")
	require.Contains(t, root.Text, "changed: bellwether_database.orders; broke off: bellwether_instance.web")
	require.Contains(t, root.Text, "Environment: load; a failed apply is not rolled back: the environment may be half changed; on hold")
	require.Equal(t, []string{"database-orders"}, e.exists(t))

	next := e.bring(t, ordersDatabase("postgres", 2)+untaggedInstance)
	e.read(t, "the apply waits, because load is on hold")
	behave()
	e.types(t, "operations", "release load")
	require.NotEqual(t, pipeline.Failed, e.ended(t, next).Verdict)
	e.quiet(t)
	e.root(t, "operations", "load was on hold, and is released")
	require.Contains(t, e.orders(t), `"size":2`)
	require.Equal(t, []string{"database-orders", "instance-web"}, e.exists(t))
	e.read(t, "web: no space left (password (sensitive))")
	chat := e.page(t, e.url+"/chat/transcript.json")
	replica.stop(t)
	e.keepsSecrets(t, map[string]string{"chat": chat, "log": replica.said(t)})
}

// approvalIsAskedFor in the stack's channel; meanwhile the environment is free.
func approvalIsAskedFor(t *testing.T, mirror string) {
	e := newEstate(t, mirror, miniredis.RunT(t).Addr(), "approve: {expires: 1h}")
	e.serve(t)
	approved := e.bring(t, ordersDatabase("postgres", 1))
	e.read(t, "the plan waits for approval")
	require.Equal(t, []string{"Approve", "Reject"}, e.root(t, "infrastructure", "the plan waits for approval").Actions)
	require.Equal(t, pipeline.Done, e.test(t, "1.0.0").State)
	require.Empty(t, e.exists(t), "nothing is applied before it is approved of")
	e.types(t, "infrastructure", "approve "+approved)
	require.Equal(t, pipeline.Done, e.ended(t, approved).State)
	require.Equal(t, []string{"billing-flow", "checkout-flow"}, tested(e.stored(t, approved)))
	require.Contains(t, e.orders(t), `"size":1`)

	rejected := e.bring(t, ordersDatabase("postgres", 2))
	e.read(t, "the plan waits for approval")
	e.types(t, "infrastructure", "reject "+rejected)
	require.Equal(t, pipeline.Cancelled, e.ended(t, rejected).State)
	e.quiet(t)
	require.Contains(t, e.root(t, "infrastructure", "the plan was rejected by dev-sg").Text, "Rejected by dev-sg")
	require.Contains(t, e.root(t, "infrastructure", "Approved by dev-sg").Text, "Finished")
	require.Contains(t, e.orders(t), `"size":1`)
}

// killedInTheApply, when the database is there and the instance is not: another replica does the rest.
func killedInTheApply(t *testing.T, mirror string) {
	e := newSlackEstate(t, mirror)
	behave := e.misbehave(t, "web.slow", "")
	e.takeover(t, func(string) bool { return e.there("web.waiting") }, func() {
		require.Equal(t, []string{"database-orders"}, e.exists(t))
		behave()
	})
}

// newSlackEstate speaks in Slack, which remembers what was said by replicas that are gone.
func newSlackEstate(t *testing.T, mirror string) *estate {
	t.Helper()
	e := newEstate(t, mirror, peers.Redis(t), "")
	e.speakSlack(t)
	e.slackCatalog(t, "")
	return e
}

// slackCatalog takes the settings of apply.terraform as YAML.
func (e *estate) slackCatalog(t *testing.T, terraform string) {
	t.Helper()
	e.catalog(t, terraform, func(team string) string {
		if team == "infrastructure" {
			return "slack: " + peers.SlackChannel
		}
		return "slack: " + peers.SlackOther
	})
}

// there tells whether the cloud has a file.
func (e *estate) there(name string) bool {
	_, err := os.Stat(e.cloud + "/" + name)
	return err == nil
}

// takeover kills the replica that applies a stack at some moment. Another one finishes the run: the database is changed
// once, what is tested is what the first plan touches, and there is one thread.
func (e *estate) takeover(t *testing.T, moment func(run string) bool, killed func()) {
	t.Helper()
	sites, replicas := map[string]*site{}, map[string]*replica{}
	for _, one := range []*site{e.site, e.twin(t)} {
		r := one.serve(t)
		sites[r.pid()], replicas[r.pid()] = one, r
	}
	run := e.bring(t, ordersDatabase("postgres", 1)+untaggedInstance)
	eventually(t, "the moment comes", func() bool { return moment(run) })
	holder := e.holder(t)
	require.Contains(t, replicas, holder)
	replicas[holder].kill()
	killed()
	orders, changed := e.exists(t), e.changed(t)

	delete(sites, holder)
	for _, survivor := range sites {
		require.Equal(t, pipeline.Done, survivor.ended(t, run).State)
	}
	e.quiet(t)
	if len(orders) > 0 {
		require.Equal(t, changed, e.changed(t), "the database is not applied again")
	}
	require.Equal(t, []string{"database-orders", "instance-web"}, e.exists(t))
	stored := e.stored(t, run)
	require.Equal(t, []string{"billing-flow", "checkout-flow"}, tested(stored))
	require.NotEqual(t, pipeline.Failed, stored.Verdict)
	e.oneThread(t, run)
	out := map[string]string{"slack": e.page(t, e.slack.URL+"/_control/messages/"+peers.SlackChannel)}
	for pid, r := range replicas {
		out["log of "+pid] = r.said(t)
	}
	e.keepsSecrets(t, out)
}

// changed is when the database was.
func (e *estate) changed(t *testing.T) string {
	t.Helper()
	info, err := os.Stat(e.cloud + "/database-orders.json")
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(t, err)
	return info.ModTime().String()
}

// oneThread is all there is in Slack.
func (e *estate) oneThread(t *testing.T, run string) {
	t.Helper()
	root := e.message(t, run, "root")
	require.Contains(t, html.UnescapeString(root.Text), ordersWay)
	require.Contains(t, root.Text, "Finished")
	for _, m := range e.messages(t, peers.SlackChannel) {
		require.True(t, m.TS == root.TS || m.Thread == root.TS, m.Text)
	}
	e.nothingIsSaidTwice(t)
	require.Empty(t, e.messages(t, peers.SlackOther))
}

// runPages are those that the stack's channel links to.
func (e *estate) runPages(t *testing.T) map[string]string {
	t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(e.url) + `/runs/[^"]+`)
	pages := map[string]string{}
	for _, address := range link.FindAllString(e.page(t, e.url+"/?channel=infrastructure"), -1) {
		pages[address] = e.page(t, address)
	}
	require.NotEmpty(t, pages)
	return pages
}
