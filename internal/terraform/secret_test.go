package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestAnErrorDoesNotTellWhatIsSensitive(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	w.misbehave(t, "orders.fail", "token-4711 is wrong")
	w.Redact = func(text string) string { return strings.ReplaceAll(text, "token-4711", "***") }
	planned := w.plan(t)
	require.NotEmpty(t, grep(t, w.Dir, secret), "the search must be able to find it")
	e := explanation(t, planned.Apply(t.Context()))
	require.Contains(t, e.Output, "orders: *** is wrong (password (sensitive))")
	require.NoError(t, planned.Close())
	require.Empty(t, list(t, w.Dir))
	require.NotContains(t, w.log.String(), secret)
}

func TestAPlanThatFailsDoesNotTellWhatIsSensitiveEither(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	w.apply(t)
	w.misbehave(t, "orders.lost", "")
	e := w.broken(t)
	require.Equal(t, "main.tf:13: bellwether_database.orders: The cloud refused", e.Output)
	require.Equal(t, withheld, e.Next)
	require.True(t, e.Untouched)
}

// Without a plan nobody knows what is sensitive of what the configuration says, and there is no state that would.
func TestAFirstPlanThatFailsTellsNoValue(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	w.misbehave(t, "orders.bad", "")
	e := w.broken(t)
	require.Equal(t, "main.tf:13: bellwether_database.orders: Invalid password", e.Reason)
	require.Equal(t, e.Reason+"\nmain.tf:13: bellwether_database.orders: its provider refuses it", e.Output)
	require.Equal(t, withheld, e.Next)
}

// What an apply makes up is in no plan, but in the state that it leaves.
func TestAnErrorDoesNotTellWhatTheApplyMadeUp(t *testing.T) {
	w := newWorld(t)
	w.write(t, `
resource "terraform_data" "password" {
  input = sensitive(bellwether_database.other.id)
}
resource "bellwether_database" "other" {
  name = "other"
}
resource "bellwether_database" "orders" {
  name     = "orders"
  password = terraform_data.password.output
}
`)
	w.misbehave(t, "orders.fail", "no capacity")
	e := explanation(t, w.plan(t).Apply(t.Context()))
	require.Contains(t, e.Output, "orders: no capacity (password (sensitive))")
}

func TestWhatIsOnDiskIsPrivate(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	planned := w.plan(t)
	folders := list(t, w.Dir)
	require.Len(t, folders, 1)
	info, err := os.Stat(filepath.Join(w.Dir, folders[0]))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	info, err = os.Stat(filepath.Join(w.Dir, folders[0], planFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, w.Sweep())
	require.NoError(t, planned.Apply(t.Context()), "a sweep leaves what is in use alone")
}

func TestAPlantedFolderIsRefused(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, os.Mkdir(w.Dir, 0o700))
	require.NoError(t, os.Chmod(w.Dir, 0o777))
	e := w.broken(t)
	require.Contains(t, e.Reason, w.Dir+" is not a folder of Bellwether's alone")
	require.Equal(t, pipeline.FaultEnvironment, e.Fault)
}
