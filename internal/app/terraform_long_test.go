//go:build long

package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/pipeline"
)

// TestLongStacks is what TestStacks has no time for.
func TestLongStacks(t *testing.T) {
	t.Parallel()
	mirror := terraformMirror(t)
	for name, test := range map[string]func(t *testing.T, mirror string){
		"killed before the apply": killedBeforeTheApply,
		"killed after the apply":  killedAfterTheApply,
		"a regression":            stackRegresses,
	} {
		t.Run(name, func(t *testing.T) { test(t, mirror) })
	}
}

// killedBeforeTheApply, while it is planned.
func killedBeforeTheApply(t *testing.T, mirror string) {
	e := newSlackEstate(t, mirror)
	e.takeover(t, func(run string) bool { return e.stored(t, run).Stage == pipeline.StagePrepare }, func() {
		require.Empty(t, e.exists(t))
	})
}

// slowToEnd is a Terraform that, once it has applied, waits as long as the cloud has a file.
const slowToEnd = `#!/bin/sh
terraform "$@" || exit
[ "$1" = apply ] && touch "$CLOUD_FOLDER/applied"
while [ -e "$CLOUD_FOLDER/late" ] && [ "$1" = apply ]; do sleep 0.05; done
`

// killedAfterTheApply, before Bellwether could note it: the next plan is empty, and the first one decides all the same.
func killedAfterTheApply(t *testing.T, mirror string) {
	e := newSlackEstate(t, mirror)
	e.write(t, "terraform", slowToEnd)
	e.slackCatalog(t, "binary: "+filepath.Join(e.dir, "terraform"))
	behave := e.misbehave(t, "late", "")
	e.takeover(t, func(string) bool { return e.there("applied") }, func() {
		require.Equal(t, []string{"database-orders", "instance-web"}, e.exists(t))
		behave()
		require.NoError(t, os.Remove(filepath.Join(e.cloud, "applied")))
	})
	require.False(t, e.there("applied"), "an empty plan is not applied")
}

// stackRegresses: the stack's team has the thread, and a team whose service became slower reads of it in its own channel, where
// its on-call acknowledges.
func stackRegresses(t *testing.T, mirror string) {
	e := newEstate(t, mirror, miniredis.RunT(t).Addr(), "")
	e.serve(t)
	changes := 0
	harmless := func(int) intake.RunStatus {
		changes++
		return e.ended(t, e.bring(t, ordersDatabase("postgres", 1+changes%2)))
	}
	for range 3 {
		until(t, pipeline.Pass, harmless)
	}
	slow := until(t, pipeline.Regressed, func(try int) intake.RunStatus {
		if try > 0 {
			harmless(try)
		}
		return e.ended(t, e.bring(t, ordersDatabase("postgres", 80)))
	})
	e.quiet(t)
	thread := e.root(t, "infrastructure", "is slower")
	require.Contains(t, thread.Text, slow.Subject+": ")
	for _, channel := range []string{"checkout", "billing"} {
		notice := e.root(t, channel, channel+"-flow is slower")
		require.Contains(t, notice.Text, "Since: "+slow.Subject+", of team infrastructure")
		require.Len(t, e.posts(t, channel), 1)
	}
	require.Contains(t, e.root(t, "checkout", "is slower").Text, "@dev-sg please fix it")

	e.types(t, "checkout", "ack "+slow.ID)
	e.quiet(t)
	for _, channel := range []string{"infrastructure", "checkout", "billing"} {
		require.Contains(t, e.root(t, channel, "is slower").Text, "Acknowledged by dev-sg")
	}
}
